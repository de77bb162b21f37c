import java.util.concurrent.*;

class Main {
    public static void main(String[] args) throws Exception {
        var everyone = new CyclicBarrier(65);
        for (int i = 0; i < 64; i++) {
            new Thread(() -> {
                try {
                    everyone.await();
                } catch (Exception error) {
                    System.exit(1);
                }
            }).start();
        }
        everyone.await();
        System.out.println("well");
    }
}
