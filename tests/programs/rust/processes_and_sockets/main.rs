use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;

fn main() -> std::io::Result<()> {
    let said = Command::new("sh").args(["-c", "echo out; exit 4"]).env("X", "y").output()?;
    println!("{:?} {:?}", String::from_utf8_lossy(&said.stdout), said.status.code());
    let mut upper = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    upper.stdin.take().unwrap().write_all(b"shout")?;
    println!("{}", String::from_utf8(upper.wait_with_output()?.stdout).unwrap());
    println!("{:?}", Command::new("no-such-program").spawn().unwrap_err().kind());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        text
    });
    TcpStream::connect(address)?.write_all(b"over the wire")?;
    println!("{}", server.join().unwrap());
    let (a, b) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    a.send_to(b"datagram", b.local_addr()?)?;
    let mut room = [0; 16];
    let (size, _) = b.recv_from(&mut room)?;
    println!("{size}");
    Ok(())
}
