package app.main;

import app.model.Greeting;

public class Start {
    public static void main(String[] args) throws ClassNotFoundException {
        System.out.println(new Greeting("world").text() + " " + args.length);
        System.out.println(Class.forName("app.model.Greeting").getSimpleName() + " " + Start.class.getPackageName());
    }
}
