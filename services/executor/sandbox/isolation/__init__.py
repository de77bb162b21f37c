"""What a cell is kept from: system calls, files, users, resources."""
