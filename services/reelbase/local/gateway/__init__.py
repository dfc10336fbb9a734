"""The platform's HTTP face on loopback: `/rest/v1`, `/auth/v1` and `/storage/v1` on one port."""
