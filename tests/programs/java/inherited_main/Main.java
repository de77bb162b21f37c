class Base {
    public static void main(String[] args) {
        System.out.println("from the base");
    }
}

public class Main extends Base {}
