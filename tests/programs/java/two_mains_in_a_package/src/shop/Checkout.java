package shop;

public class Checkout {
    public static void main(String[] args) {
        System.out.println("checkout");
    }
}
