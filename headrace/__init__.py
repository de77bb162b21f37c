"""What a user of Headrace installs: the client, the command line, and the stack on one machine."""
