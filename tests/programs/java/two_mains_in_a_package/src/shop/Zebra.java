package shop;

public class Zebra {
    public static void main(String[] args) {
        System.out.println("zebra");
    }
}
