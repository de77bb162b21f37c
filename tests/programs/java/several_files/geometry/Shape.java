package geometry;

public interface Shape {
    double area();
}
