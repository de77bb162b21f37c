import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        System.out.print("How old are you? ");
        int age = in.nextInt();
        in.nextLine();
        System.out.print("What is your name? ");
        String name = in.nextLine();
        System.out.println();
        System.out.println("Hello, " + name + "!");
        System.out.println("Next year you will be " + (age + 1));
        System.out.println(System.console() == null);
    }
}
