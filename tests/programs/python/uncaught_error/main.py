class AccountError(Exception):
    pass


def withdraw(amount):
    try:
        return 100 // amount
    except ZeroDivisionError as error:
        raise AccountError(f"cannot take {amount}") from error


print(withdraw(7))
print(withdraw(0))
print("never")
