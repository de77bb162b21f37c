public class Main {
    static class AccountException extends RuntimeException {
        AccountException(int amount, Throwable cause) {
            super("cannot take " + amount, cause);
        }
    }

    static int withdraw(int amount) {
        try {
            return 100 / amount;
        } catch (ArithmeticException error) {
            throw new AccountException(amount, error);
        } finally {
            System.out.println("finally");
        }
    }

    public static void main(String[] args) {
        System.out.println(withdraw(7));
        System.out.println(withdraw(0));
    }
}
