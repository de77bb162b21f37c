"""What the schema fuzzer is told of this system."""
