import java.util.*;

sealed interface Shape permits Circle, Rectangle {}

record Circle(double radius) implements Shape {
    Circle {
        if (radius < 0) throw new IllegalArgumentException("radius " + radius);
    }
}

record Rectangle(double width, double height) implements Shape {
    static Rectangle square(double side) {
        return new Rectangle(side, side);
    }
}

enum Planet {
    EARTH(5.97e24) { @Override String greet() { return "hello"; } },
    MARS(6.42e23);

    final double mass;

    Planet(double mass) { this.mass = mass; }

    String greet() { return name().toLowerCase() + "!"; }
}

abstract class Animal {
    private static int count;
    protected final String name;

    static { System.out.println("Animal is loaded"); }
    { count++; }

    Animal(String name) { this.name = name; }

    abstract String speak();

    static int count() { return count; }

    @Override
    public String toString() { return getClass().getName() + "(" + name + ")"; }

    @Override
    public boolean equals(Object other) { return other instanceof Animal animal && animal.name.equals(name); }

    @Override
    public int hashCode() { return name.hashCode(); }
}

class Dog extends Animal {
    Dog(String name) { super(name); }

    String speak() { return "Woof"; }
}

class Puppy extends Dog {
    Puppy(String name) { super(name); }

    @Override
    String speak() { return super.speak().toLowerCase(); }
}

class Box<T extends Comparable<T>> {
    private final List<T> items = new ArrayList<>();

    @SafeVarargs
    final Box<T> add(T... more) {
        items.addAll(Arrays.asList(more));
        return this;
    }

    T largest() { return Collections.max(items); }

    static <A, B extends A> void copy(Collection<? super A> to, Collection<B> from) { to.addAll(from); }
}

public class Main {
    interface Greeter {
        String greet(String name);

        default Greeter twice() { return n -> greet(greet(n)); }
    }

    class Inner {
        int seen = outer * 2;
    }

    int outer = 21;

    public static void main(String... args) {
        for (Shape shape : new Shape[] {new Circle(1), Rectangle.square(2)}) {
            String text = switch (shape.getClass().getSimpleName()) {
                case "Circle" -> "round";
                default -> { yield "square " + shape; }
            };
            System.out.println(text);
        }
        List<Animal> pets = List.of(new Dog("Rex"), new Puppy("Bit"));
        for (Animal pet : pets) System.out.println(pet + " " + pet.speak());
        System.out.println(Animal.count() + " " + pets.contains(new Dog("Bit")));
        System.out.println(Planet.EARTH.greet() + " " + Planet.valueOf("MARS").greet() + " " + Planet.MARS.ordinal() + " " + Planet.EARTH.mass);
        System.out.println(new Box<String>().add("b", "c", "a").largest());
        List<Object> objects = new ArrayList<>();
        Box.<Object, Integer>copy(objects, List.of(1, 2));
        System.out.println(objects + " " + new Main().new Inner().seen);
        Greeter polite = name -> "dear " + name;
        System.out.println(polite.twice().greet("Ann") + " " + new Greeter() {
            public String greet(String name) { return name + "?"; }
        }.greet("who"));
        var text = """
            a block
              of "text"\tends
            """;
        System.out.print(text);
        try {
            new Circle(-1);
        } catch (IllegalArgumentException error) {
            System.out.println(error.getMessage());
        }
    }
}
