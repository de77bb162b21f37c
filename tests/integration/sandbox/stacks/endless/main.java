class Main {
    static int down(int n) {
        return down(n + 1) + 1;
    }

    public static void main(String[] args) {
        try {
            down(0);
        } catch (StackOverflowError error) {
            System.out.println("well");
        }
    }
}
