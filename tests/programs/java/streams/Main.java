import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Main {
    record Person(String name, String city, int age) {}

    public static void main(String[] args) {
        List<Person> people = List.of(new Person("Ann", "Oslo", 31), new Person("Bob", "Rome", 25),
            new Person("Cid", "Oslo", 19), new Person("Dee", "Rome", 44));
        System.out.println(people.stream().filter(p -> p.age() > 20).map(Person::name).collect(Collectors.toList()));
        Map<String, Double> ages = people.stream()
            .collect(Collectors.groupingBy(Person::city, TreeMap::new, Collectors.averagingInt(Person::age)));
        System.out.println(ages);
        System.out.println(people.stream().max(Comparator.comparingInt(Person::age)).get());
        System.out.println(IntStream.rangeClosed(1, 5).mapToObj(n -> "x".repeat(n)).collect(Collectors.joining(",", "[", "]")));
        System.out.println(Stream.iterate(1, n -> n * 3).limit(8).reduce(0, Integer::sum) + " " + IntStream.of(3, 1, 2).summaryStatistics());
        System.out.println(Stream.of("a,b", "c").flatMap(s -> Arrays.stream(s.split(","))).toList());
        System.out.println(people.stream().collect(Collectors.partitioningBy(p -> p.age() < 30, Collectors.counting())));
        Function<Integer, Function<Integer, Integer>> add = a -> b -> a + b;
        Supplier<List<String>> make = ArrayList::new;
        BinaryOperator<Integer> most = BinaryOperator.maxBy(Comparator.naturalOrder());
        System.out.println(add.apply(2).apply(3) + " " + make.get() + " " + most.apply(3, 9));
        System.out.println(Optional.ofNullable((String) null).map(String::length).orElse(-1));
        System.out.println("mississippi".chars().mapToObj(c -> (char) c).distinct().map(String::valueOf).sorted(Comparator.reverseOrder()).toList());
    }
}
