class Helper {
    static int twice(int n) {
        return n * 2;
    }
}

class Program {
    public static void main(String[] args) {
        System.out.println("started in " + Program.class.getName() + " " + Helper.twice(21));
    }
}
