public class Main {
    public static void main(String[] args) {
        for (int row = 1; row <= 2500; row++) {
            System.out.println(row + " " + row * row + " " + "-".repeat(row % 60));
        }
    }
}
