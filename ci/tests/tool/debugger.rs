//! QEMU waits for a debugger, and the script leads it to the program: this speaks the debugger's protocol itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use object::{Object as _, ObjectSymbol as _};

use super::{Watched, root, tool};

/// The debugger's end of QEMU's line (gdb manual, Remote Serial Protocol).
struct Debugger(TcpStream);

impl Debugger {
    /// Sends a packet and reads the answer.
    fn ask(&mut self, packet: &str) -> String {
        let sum = packet.bytes().fold(0_u8, u8::wrapping_add);
        self.0.write_all(format!("${packet}#{sum:02x}").as_bytes()).unwrap();
        let mut answer = String::new();
        let mut byte = [0];
        while !answer.ends_with('#') {
            self.0.read_exact(&mut byte).unwrap();
            answer.push(char::from(byte[0]));
        }
        self.0.read_exact(&mut [0; 2]).unwrap();
        self.0.write_all(b"+").unwrap();
        answer.trim_start_matches(['+', '$']).trim_end_matches('#').into()
    }

    /// Lets it run into a breakpoint.
    fn run_to(&mut self, address: u64) {
        assert_eq!(self.ask(&format!("Z1,{address:x},4")), "OK");
        let stop = self.ask("c");
        assert!(stop.starts_with("T05"), "{stop}");
        // Of the core that has stopped.
        let thread = stop.split("thread:").nth(1).unwrap().split(';').next().unwrap();
        assert_eq!(self.ask(&format!("Hg{thread}")), "OK");
        assert_eq!(self.register(32), address);
        assert_eq!(self.ask(&format!("z1,{address:x},4")), "OK");
    }

    /// A register: 0 to 30, and 32 is the program counter.
    fn register(&mut self, number: usize) -> u64 {
        let all = self.ask("g");
        u64::from_str_radix(&all[number * 16..][..16], 16).unwrap().swap_bytes()
    }
}

fn object<T>(elf: &Path, ask: impl FnOnce(&object::File<'_>) -> T) -> T {
    ask(&object::File::parse(&*std::fs::read(elf).unwrap()).unwrap())
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_debugger_is_led_to_the_program_and_stops_at_its_symbol() {
    let elf = root().join("target/skete/aarch64-unknown-hermit/release/hello");
    let (entry, main) = object(&elf, |file| (file.entry(), file.symbols().find(|symbol| symbol.name() == Ok("main")).unwrap().address()));
    for board in ["raspi3b", "virt"] {
        let mut command = tool(root());
        let mut run = Watched::start(command.args(["run", "hello", "--gdb", "--timeout", "100", "--board", board]).stderr(Stdio::piped()));
        let script = std::io::BufRead::lines(std::io::BufReader::new(run.child.stderr.take().unwrap()))
            .map(Result::unwrap)
            .find_map(|line| line.split_once(" -x ").map(|(_, path)| std::fs::read_to_string(path).unwrap()))
            .expect("the tool says how to attach");
        let jump = script.lines().find_map(|line| line.strip_prefix("hbreak *0x")).unwrap();
        assert!(
            script.contains("target remote 127.0.0.1:1234")
                && script.contains(&format!("symbol-file -o $x2-{entry:#x} '{}'", elf.display()))
        );

        let mut debugger = loop {
            // QEMU comes up after the tool has said so; it listens before it runs anything.
            assert!(run.child.try_wait().unwrap().is_none(), "it ended by itself");
            if let Ok(line) = TcpStream::connect("127.0.0.1:1234") {
                break Debugger(line);
            }
        };
        debugger.run_to(u64::from_str_radix(jump, 16).unwrap());
        let start = debugger.register(2) - entry;
        debugger.run_to(start + main);
        assert!(!run.text.contains("hello"));
        // It goes on without us.
        assert_eq!(debugger.ask("D"), "OK");
        assert!(run.read_until("hello from thread 3"), "{}", run.text);
        run.read_until("\u{0}never said\u{0}");
        assert_eq!(run.child.wait().unwrap().code(), Some(0));
    }
}
