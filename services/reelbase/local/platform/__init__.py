"""SQL that prepares an empty database the way the platform hands it out."""
