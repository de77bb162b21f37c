"""Operations for operators: read and retry dead letters, erase a user."""
