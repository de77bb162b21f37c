import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Random;
import java.util.Scanner;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Does what the first line of its input names; the rest is its input. */
public class Main {
    private static final PrintStream out = System.out;
    private static int count;

    public static void main(String[] args) throws Exception {
        StringBuilder name = new StringBuilder();
        for (int letter = System.in.read(); letter != '\n'; letter = System.in.read()) {
            name.append((char) letter);
        }
        switch (name.toString()) {
            case "arguments": out.println(args.length); break;
            case "properties": properties(); break;
            case "environment": out.println(new TreeMap<>(System.getenv())); break;
            case "class path": classPath(); break;
            case "loaders": loaders(); break;
            case "opened packages": openedPackages(); break;
            case "files": files(); break;
            case "directory": out.println(new File("").getAbsolutePath() + new File("data/a.txt").length()); break;
            case "descriptors": descriptors(); break;
            case "processes": processes(); break;
            case "uncaught": throw new IllegalStateException("x", new RuntimeException("y"));
            case "caught": caught(); break;
            case "in a lambda": List.of(1).forEach(each -> { throw new RuntimeException("x" + each); }); break;
            case "exit": out.println("last"); System.exit(3); break;
            case "exit hooks": exitHooks(); break;
            case "halted": Runtime.getRuntime().halt(5); break;
            case "input": input(); break;
            case "input at once": out.println(System.in.available() + new String(System.in.readAllBytes())); break;
            case "streams": out.println(System.console() + " é"); System.err.println("err é"); break;
            case "threads": threads(); break;
            case "names of threads": namesOfThreads(); break;
            case "thread that dies": new Thread(() -> { throw new RuntimeException("x"); }).start(); break;
            case "parallel": parallel(); break;
            case "sizes": sizes(); break;
            case "out of memory": outOfMemory(); break;
            case "text": text(); break;

            case "-was early": wasEarly(); break;
            case "-signalled": wasEarly(); signalled(); break;
            case "-alone": alone(); break;
            case "-both kinds of memory": bothKindsOfMemory(); break;
            case "-for ever": out.println("attempted"); while (true) { }
            default: throw new IllegalArgumentException(name.toString());
        }
    }

    private static void properties() {
        new TreeMap<>(System.getProperties()).forEach((name, value) -> out.println(name + "=" + value));
    }

    private static void classPath() throws IOException {
        for (String name : List.of("", "META-INF/MANIFEST.MF", "Main.class", "headrace", "headrace/guest/Start.class")) {
            out.println(Collections.list(Main.class.getClassLoader().getResources(name)));
        }
        out.println(Main.class.getProtectionDomain().getCodeSource().getLocation());
        out.println(ManagementFactory.getRuntimeMXBean().getClassPath());
    }

    private static void loaders() {
        out.println(ClassLoader.getSystemClassLoader() == Main.class.getClassLoader());
        out.println(Thread.currentThread().getContextClassLoader() == Main.class.getClassLoader());
        out.println(new TreeSet<>(ModuleLayer.boot().modules().stream().map(Module::getName).collect(Collectors.toSet())));
    }

    private static void openedPackages() {
        for (Module module : ModuleLayer.boot().modules()) {
            for (String name : new TreeSet<>(module.getPackages())) {
                if (module.isOpen(name, Main.class.getModule())) {
                    out.println(module + name);
                }
            }
        }
    }

    private static void files() throws IOException {
        for (String root : List.of("/work", "/tmp", "/dev/shm")) {
            try (var all = Files.walk(Path.of(root))) {
                for (Path each : all.sorted().collect(Collectors.toList())) {
                    out.println(each + " " + new TreeSet<>(Files.getPosixFilePermissions(each)));
                }
            }
        }
    }

    /** Of ours, none may be left open: neither the sockets and files of the job nor a jar that is no more. */
    private static void descriptors() throws IOException {
        for (File each : new File("/proc/self/fd").listFiles()) {
            if (!Files.isSymbolicLink(each.toPath())) {
                continue; // what the listing itself had open
            }
            String target = Files.readSymbolicLink(each.toPath()).toString();
            if (Integer.parseInt(each.getName()) > 2 && target.matches(".*(socket|memfd|deleted).*")) {
                out.println(target);
            }
        }
    }

    private static void processes() throws IOException {
        out.println(ProcessHandle.current().pid() + " " + ProcessHandle.current().parent());
        out.println(new String(new ProcessBuilder("id").start().getInputStream().readAllBytes()));
    }

    private static void caught() {
        try {
            Objects.requireNonNull(null);
        } catch (NullPointerException error) {
            error.printStackTrace();
        }
    }

    private static void exitHooks() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> out.println("hook")));
        System.exit(4);
    }

    private static void input() {
        Scanner words = new Scanner(System.in);
        while (words.hasNext()) {
            out.println(words.next());
        }
    }

    private static void threads() throws Exception {
        var pool = Executors.newFixedThreadPool(4);
        var squares = new ArrayList<Future<Integer>>();
        for (int i = 0; i < 8; i++) {
            int number = i;
            squares.add(pool.submit(() -> number * number));
        }
        int sum = 0;
        for (var each : squares) {
            sum += each.get();
        }
        pool.shutdown();
        out.println(sum);
    }

    private static void namesOfThreads() throws InterruptedException {
        Thread made = new Thread(() -> out.println(Thread.currentThread()));
        made.start();
        made.join();
        out.println(made.getId() + " " + Thread.currentThread());
        Thread.getAllStackTraces().keySet().stream().map(Thread::toString).sorted().forEach(out::println);
    }

    private static void parallel() {
        out.println(IntStream.range(0, 1000).parallel().sum() + ForkJoinPool.commonPool().getParallelism());
    }

    private static void sizes() {
        out.println(Runtime.getRuntime().maxMemory() + " " + Runtime.getRuntime().availableProcessors());
    }

    private static void outOfMemory() {
        var held = new ArrayList<byte[]>();
        while (true) {
            held.add(new byte[16 << 20]);
        }
    }

    private static void text() {
        out.printf("%s %.2f %s%n", List.of(1), 1.5, Locale.getDefault());
        out.println(LocalDate.EPOCH);
    }

    /** Whether the machine is older than its program. */
    private static void wasEarly() throws IOException {
        long placed = Files.getLastModifiedTime(Path.of("/work/program.jar")).toMillis();
        out.println(ManagementFactory.getRuntimeMXBean().getStartTime() < placed);
    }

    private static void signalled() throws Exception {
        new ProcessBuilder("kill", "-TERM", "" + ProcessHandle.current().pid()).start();
        Thread.sleep(60_000);
    }

    private static void alone() throws IOException {
        count++;
        Object seen = System.getProperties().put("seen", 1);
        boolean created = new File("/tmp/seen").createNewFile();
        long number = new Random().nextLong();
        out.println(count + " " + ProcessHandle.current().pid() + " " + seen + " " + created + " " + number);
    }

    private static void bothKindsOfMemory() {
        out.println("attempted");
        var held = new ArrayList<Object>();
        for (int i = 0; i < 18; i++) {
            held.add(new byte[16 << 20]);
        }
        for (int i = 0; i < 20; i++) {
            held.add(ByteBuffer.allocateDirect(16 << 20));
        }
    }
}
