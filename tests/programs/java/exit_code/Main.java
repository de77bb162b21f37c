import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int balance = 100;
        while (in.hasNextInt()) {
            int amount = in.nextInt();
            if (amount > balance) {
                System.err.println("not enough money: " + balance + " left");
                System.exit(3);
            }
            balance -= amount;
            System.out.println("paid " + amount);
        }
        System.out.println("done");
    }
}
