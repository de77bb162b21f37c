package app.model;

public record Greeting(String name) {
    public String text() {
        return "hello, " + name;
    }
}
