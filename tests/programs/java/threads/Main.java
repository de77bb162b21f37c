import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Main {
    static int total = 0;

    static synchronized void add() {
        total++;
    }

    public static void main(String[] args) throws Exception {
        List<Thread> threads = new ArrayList<>();
        AtomicLong atomic = new AtomicLong();
        for (int i = 0; i < 16; i++) {
            Thread thread = new Thread(() -> {
                for (int n = 0; n < 1000; n++) {
                    add();
                    atomic.incrementAndGet();
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) thread.join();
        System.out.println(total + " " + atomic);

        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Integer>> squares = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            int number = i;
            squares.add(pool.submit(() -> number * number));
        }
        for (Future<Integer> square : squares) System.out.print(square.get() + " ");
        System.out.println();
        pool.shutdown();
        System.out.println(pool.awaitTermination(10, TimeUnit.SECONDS));

        System.out.println(CompletableFuture.supplyAsync(() -> 20).thenApply(n -> n + 1)
            .thenCombine(CompletableFuture.supplyAsync(() -> 2), (a, b) -> a * b).get());
        BlockingQueue<Integer> queue = new ArrayBlockingQueue<>(2);
        Thread producer = new Thread(() -> {
            try {
                for (int i = 0; i < 5; i++) queue.put(i);
                queue.put(-1);
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        });
        producer.start();
        for (int item; (item = queue.take()) >= 0; ) System.out.print(item + ";");
        System.out.println();
        Thread sleeper = new Thread(() -> {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException error) {
                System.out.println("woken");
            }
        });
        sleeper.start();
        sleeper.interrupt();
        sleeper.join();
        System.out.println(java.util.stream.IntStream.range(0, 1000).parallel().filter(n -> n % 7 == 0).count());
    }
}
