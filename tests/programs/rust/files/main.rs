use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut file = File::create("log.txt")?;
    writeln!(file, "one")?;
    file.write_all("två\n".as_bytes())?;
    OpenOptions::new().append(true).open("log.txt")?.write_all(b"three\n")?;
    let lines: Vec<String> = BufReader::new(File::open("log.txt")?).lines().collect::<Result<_, _>>()?;
    println!("{:?} {}", lines, fs::metadata("log.txt")?.len());
    fs::create_dir_all("a/b/c")?;
    fs::write("a/b/c/deep.bin", [0, 255, 10])?;
    println!("{:?} {}", fs::read("a/b/c/deep.bin")?, Path::new("a/b").join("c").display());
    let names: BTreeSet<String> = fs::read_dir(".")?.map(|e| e.unwrap().file_name().into_string().unwrap()).filter(|n| !n.contains("main") && !n.contains("program") && !n.contains(".out")).collect();
    println!("{:?}", names);
    fs::rename("log.txt", "a/moved.txt")?;
    let mut file = File::open("a/moved.txt")?;
    file.seek(SeekFrom::End(-6))?;
    let mut tail = String::new();
    file.read_to_string(&mut tail)?;
    println!("{:?}", tail);
    fs::remove_dir_all("a")?;
    let error = File::open("a/moved.txt").unwrap_err();
    println!("{:?} {}", error.kind(), error);
    let scratch = std::env::temp_dir().join("scratch.txt");
    fs::write(&scratch, "x")?;
    fs::remove_file(&scratch)?;
    println!("{} {:?} {:?}", scratch.exists(), scratch.extension(), scratch.file_stem());
    Ok(())
}
