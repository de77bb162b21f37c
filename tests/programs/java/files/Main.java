import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.stream.*;

public class Main {
    public static void main(String[] args) throws IOException {
        try (PrintWriter out = new PrintWriter(new FileWriter("log.txt"))) {
            out.println("one");
            out.printf("%s%n", "två");
        }
        Files.writeString(Path.of("log.txt"), "three\n", StandardOpenOption.APPEND);
        System.out.println(Files.readAllLines(Path.of("log.txt"), StandardCharsets.UTF_8));
        System.out.println(new File("log.txt").length() + " " + new File("missing.txt").exists());
        Files.createDirectories(Path.of("a/b/c"));
        Files.write(Path.of("a/b/c/deep.bin"), new byte[] {1, 2, 3});
        try (Stream<Path> walk = Files.walk(Path.of("a"))) {
            System.out.println(walk.map(Path::toString).sorted().collect(Collectors.joining(" ")));
        }
        File scratch = File.createTempFile("scratch", ".tmp");
        System.out.println(scratch.getParent() + " " + scratch.delete());
        try (Scanner in = new Scanner(new File("missing.txt"))) {
            System.out.println(in.nextLine());
        } catch (FileNotFoundException error) {
            System.out.println(error.getMessage());
        }
        try (RandomAccessFile file = new RandomAccessFile("log.txt", "rw")) {
            file.seek(1);
            file.write('N');
            file.seek(0);
            System.out.println(file.readLine());
        }
        try (ObjectOutputStream out = new ObjectOutputStream(new FileOutputStream("list.bin"))) {
            out.writeObject(new ArrayList<>(List.of("x", 1)));
        }
        try (ObjectInputStream in = new ObjectInputStream(new FileInputStream("list.bin"))) {
            System.out.println(in.readObject());
        } catch (ClassNotFoundException error) {
            throw new AssertionError(error);
        }
    }
}
