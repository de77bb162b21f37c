class Main {
    static int down(int n) {
        return n == 0 ? 0 : down(n - 1) + 1;
    }

    public static void main(String[] args) {
        if (down(200_000) == 200_000) System.out.println("well");
    }
}
