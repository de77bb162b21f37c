class Main {
    int x = 4;
}

class Runner {
    public static void main(String[] args) {
        System.out.println(new Main().x);
    }
}
