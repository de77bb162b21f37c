package geometry.text;

import geometry.Shape;

public final class Names {
    private Names() {}

    public static String describe(Shape shape) {
        return String.format("%8s: %.2f", shape.getClass().getSimpleName(), shape.area());
    }
}
