import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.ForwardingJavaFileObject;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The compile stage of Java: {@code java Compile.java product entrypoint option... source...}. Compiles every source,
 * finds the class to start in what the compiler made, and writes one jar that starts it. Sources are absolute paths.
 */
public final class Compile {
    private static final String SOURCE_ROOT = "src/main/java/", TEST_ROOT = "src/test/";

    public static void main(String[] words) throws IOException {
        Path product = Path.of(words[0]), entrypoint = Path.of(words[1]);
        List<String> options = Arrays.stream(words).skip(2).filter(each -> each.startsWith("-")).collect(Collectors.toList());
        List<Path> sources = Arrays.stream(words).skip(2 + options.size()).map(Path::of).collect(Collectors.toList());
        Map<String, ClassFile> classes = compile(options, withoutTests(sources));
        if (classes == null) {
            System.exit(1);
        }
        String main = new Launcher(classes).mainClass(entrypoint);
        if (main == null) {
            System.exit(1);
        }
        write(product, main, classes);
    }

    /** Tests need libraries that are not here; a build tool compiles them apart from the program as well. */
    private static List<Path> withoutTests(List<Path> sources) {
        Path work = Path.of("").toAbsolutePath();
        boolean isBuild = sources.stream().anyMatch(each -> work.relativize(each).startsWith(SOURCE_ROOT));
        return sources.stream()
                .filter(each -> !isBuild || !work.relativize(each).startsWith(TEST_ROOT))
                .collect(Collectors.toList());
    }

    /** Every class by its name, in the order in which the compiler made them; null after a compile error. */
    private static Map<String, ClassFile> compile(List<String> options, List<Path> sources) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
                Memory memory = new Memory(files)) {
            List<JavaFileObject> units = new ArrayList<>();
            for (JavaFileObject each : files.getJavaFileObjectsFromPaths(sources)) {
                units.add(new Source(each));
            }
            return compiler.getTask(null, memory, null, options, null, units).call() ? memory.classes : null;
        } catch (IllegalArgumentException error) { // of two options that exclude each other, for example
            System.err.println(error.getMessage());
            return null;
        }
    }

    private static void write(Path product, String main, Map<String, ClassFile> classes) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, main);
        // Files beside the program are found on the class path, as by `java -cp .`, and resources as by a build.
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, "./ src/main/resources/");
        try (OutputStream file = Files.newOutputStream(product);
                JarOutputStream jar = new JarOutputStream(file, manifest)) {
            jar.setMethod(ZipEntry.STORED);
            for (Map.Entry<String, ClassFile> each : classes.entrySet()) {
                byte[] bytes = each.getValue().bytes.toByteArray();
                CRC32 sum = new CRC32();
                sum.update(bytes);
                ZipEntry entry = new ZipEntry(each.getKey().replace('.', '/') + ".class");
                entry.setSize(bytes.length);
                entry.setCrc(sum.getValue());
                jar.putNextEntry(entry);
                jar.write(bytes);
            }
        }
    }

    /** One class as the compiler wrote it, and the source that it comes from. */
    private static final class ClassFile extends SimpleJavaFileObject {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final Path source;

        ClassFile(String name, FileObject source) {
            super(URI.create("memory:///" + name.replace('.', '/') + ".class"), Kind.CLASS);
            this.source = source == null ? null : Path.of(source.getName());
        }

        @Override
        public OutputStream openOutputStream() {
            return bytes;
        }
    }

    /** A source whose public classes may have any names, and its file any extension: no lookup uses the file's name. */
    private static final class Source extends ForwardingJavaFileObject<JavaFileObject> {
        Source(JavaFileObject file) {
            super(file);
        }

        @Override
        public Kind getKind() {
            return Kind.SOURCE;
        }

        @Override
        public boolean isNameCompatible(String name, Kind kind) {
            // The name of a package's or a module's own file has a meaning.
            return name.contains("-") ? super.isNameCompatible(name, kind) : kind == Kind.SOURCE;
        }
    }

    private static final class Memory extends ForwardingJavaFileManager<StandardJavaFileManager> {
        final Map<String, ClassFile> classes = new LinkedHashMap<>();

        Memory(StandardJavaFileManager files) {
            super(files);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                JavaFileManager.Location place, String name, JavaFileObject.Kind kind, FileObject source) {
            ClassFile made = new ClassFile(name, source);
            classes.put(name, made);
            return made;
        }

        @Override
        public boolean isSameFile(FileObject one, FileObject other) {
            return one.toUri().equals(other.toUri());
        }
    }

    /** Finds what `java` would start (JLS 12.1.4): loads the classes, and initializes none of them. */
    private static final class Launcher extends ClassLoader {
        private static final int INSTANCE_MAIN = 25;
        /** From this version on `main` may be an instance's, without parameters, and not public (JEP 512). */
        private static final boolean HAS_INSTANCE_MAIN = Runtime.version().feature() >= INSTANCE_MAIN;

        private final Map<String, ClassFile> classes;

        Launcher(Map<String, ClassFile> classes) {
            this.classes = classes;
        }

        /** The name of the class to start; null, and a message that says why, if there is none or more than one. */
        String mainClass(Path entrypoint) {
            List<String> startable = classes.keySet().stream().filter(this::isStartable).collect(Collectors.toList());
            if (startable.isEmpty()) {
                fail("no class has a main method that can be started: public static void main(String[] args)", entrypoint,
                        List.copyOf(classes.keySet()));
                return null;
            }
            List<String> own = startable.stream().filter(each -> isOf(each, entrypoint)).collect(Collectors.toList());
            List<String> left = topLevel(own.isEmpty() ? startable : own);
            String named = stem(entrypoint);
            for (List<String> hinted : List.of(
                    left.stream().filter(each -> simpleName(each).equals(named)).collect(Collectors.toList()),
                    left.stream().filter(each -> Modifier.isPublic(load(each).getModifiers())).collect(Collectors.toList()),
                    left)) {
                if (hinted.size() == 1) {
                    return hinted.get(0);
                }
            }
            fail("more than one class has a main method; make one's file the entrypoint, or one alone public", entrypoint, left);
            return null;
        }

        /** Nested classes only if there is no other candidate. */
        private static List<String> topLevel(List<String> names) {
            List<String> top = names.stream().filter(each -> each.indexOf('$') < 0).collect(Collectors.toList());
            return top.isEmpty() ? names : top;
        }

        private boolean isOf(String name, Path entrypoint) {
            return entrypoint.equals(classes.get(name).source);
        }

        private boolean isStartable(String name) {
            try {
                return isStartable(load(name));
            } catch (LinkageError error) {
                return false; // neither could `java` load it
            }
        }

        private static boolean isStartable(Class<?> found) {
            if (!HAS_INSTANCE_MAIN) {
                try {
                    return isClassic(found.getMethod("main", String[].class));
                } catch (NoSuchMethodException error) {
                    return false;
                }
            }
            Method main = instanceMain(found, String[].class);
            main = main == null ? instanceMain(found) : main;
            return main != null && (Modifier.isStatic(main.getModifiers()) || canBeMade(found));
        }

        private static boolean isClassic(Method main) {
            return Modifier.isStatic(main.getModifiers()) && main.getReturnType() == void.class;
        }

        private static Method instanceMain(Class<?> found, Class<?>... parameters) {
            for (Class<?> each = found; each != null; each = each.getSuperclass()) {
                try {
                    Method main = each.getDeclaredMethod("main", parameters);
                    boolean isSeen = !Modifier.isPrivate(main.getModifiers());
                    return isSeen && main.getReturnType() == void.class ? main : null;
                } catch (NoSuchMethodException error) {
                    continue; // perhaps it is inherited
                }
            }
            return null;
        }

        private static boolean canBeMade(Class<?> found) {
            try {
                return !Modifier.isAbstract(found.getModifiers())
                        && !Modifier.isPrivate(found.getDeclaredConstructor().getModifiers());
            } catch (NoSuchMethodException error) {
                return false;
            }
        }

        private void fail(String why, Path entrypoint, List<String> names) {
            System.err.println("error: " + why);
            for (String name : names.stream().sorted(Comparator.naturalOrder()).limit(50).collect(Collectors.toList())) {
                Path source = classes.get(name).source;
                String place = source == null ? "" : " (" + Path.of("").toAbsolutePath().relativize(source) + ")";
                System.err.println("  " + name + place + nearly(name));
            }
        }

        /** What keeps a method called `main` from being started. */
        private String nearly(String name) {
            try {
                return Arrays.stream(load(name).getDeclaredMethods())
                        .filter(each -> each.getName().equals("main") && !each.isSynthetic())
                        .filter(each -> !isStartable(each.getDeclaringClass()))
                        .map(each -> ": " + each.toString())
                        .findFirst().orElse("");
            } catch (LinkageError error) {
                return ": " + error;
            }
        }

        private Class<?> load(String name) {
            try {
                return Class.forName(name, false, this);
            } catch (ClassNotFoundException error) {
                throw new NoClassDefFoundError(name);
            }
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            ClassFile found = classes.get(name);
            if (found == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = found.bytes.toByteArray();
            return defineClass(name, bytes, 0, bytes.length);
        }

        private static String stem(Path file) {
            return file.getFileName().toString().replaceFirst("(?<=.)\\.[^.]*$", "");
        }

        private static String simpleName(String name) {
            return name.substring(Math.max(name.lastIndexOf('.'), name.lastIndexOf('$')) + 1);
        }
    }
}
