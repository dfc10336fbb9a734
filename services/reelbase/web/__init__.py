"""What Reelbase itself answers over HTTP: webhooks, payments, shared files, health."""
