import geometry.*;
import geometry.text.Names;
import java.nio.file.*;

public class Main {
    public static void main(String[] args) throws Exception {
        Shape[] shapes = {new Circle(Settings.RADIUS), new Square(4)};
        for (Shape shape : shapes) System.out.println(Names.describe(shape));
        System.out.println(Files.readString(Path.of("notes/readme.txt")).trim());
    }
}
