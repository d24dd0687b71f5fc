//! The C compiler, as people and Makefiles call it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Outcome, clean, place, root, tool};

const SEVEN: &str = "#include <stdio.h>\nint seven(int by);\nint main(int count, char **words) {\n  \
                     printf(\"%s %d\\n\", words[count - 1], seven(count));\n  return 7;\n}\n";
const BY: &str = "int seven(int by) { return 7 * by; }\n";

/// A folder of this test's with files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = place(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

/// `cargo xtask cc` with these words.
fn cc(folder: &Path, words: &[&str]) -> Outcome {
    Outcome::of(tool(folder).arg("cc").args(words))
}

/// Where the compiler is, as `cc --path` tells.
fn driver(folder: &Path) -> String {
    let output = tool(folder).args(["cc", "--path"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().into()
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_c_program_is_compiled_linked_and_booted() {
    let folder = folder("c", &[("main.c", SEVEN), ("by.c", BY)]);
    cc(&folder, &["-o", "app", "main.c", "by.c", "-O2", "-lpthread", "-lm"]).assert(0, &[]);
    Outcome::of(tool(&folder).args(["run", "./app", "--", "two"])).assert(7, &["two 14"]);
    Outcome::of(tool(&folder).args(["run", ".", "--", "two"])).assert(7, &["two 14"]);
    cc(&folder, &["-o", "told", "-x", "c", "main.c", "by.c"]).assert(0, &[]);
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_program_that_has_pairs_of_sockets_only_carries_no_network() {
    let pair = "#include <sys/socket.h>\nint main(void) {\n  int pair[2];\n  char text[8];\n  \
                return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || send(pair[0], \"abc\", 3, 0) != 3 || recv(pair[1], text, 8, 0) != 3;\n}\n";
    let folder = folder("c-pair", &[("main.c", pair)]);
    Outcome::of(tool(&folder).args(["run", ".", "--board", "virt"])).assert(0, &[]);
    Outcome::of(tool(&folder).args(["run", ".", "--board", "virt", "--forward", "7777:7"])).assert(1, &["uses no network"]);
}

#[test]
#[ignore = "needs the tool"]
fn objects_assembly_and_the_preprocessors_text_are_made_as_usual() {
    let folder = folder("c-words", &[("main.c", SEVEN), ("by.c", BY)]);
    cc(&folder, &["-E", "main.c"]).assert(0, &["int printf(const char *restrict", "int seven(int by)"]);
    cc(&folder, &["-S", "-o", "-", "by.c"]).assert(0, &["seven:", "ret"]);
    cc(&folder, &["-c", "main.c"]).assert(0, &[]);
    cc(&folder, &["-c", "by.c", "-MMD"]).assert(0, &[]);
    assert!(folder.join("by.d").exists());
    cc(&folder, &["main.o", "by.o"]).assert(0, &[]);
    assert!(fs::read(folder.join("a.out")).unwrap().starts_with(b"\x7fELF"));
    cc(&folder, &["-dumpmachine"]).assert(0, &["aarch64"]);
    cc(&folder, &["--version"]).assert(0, &["Free Software Foundation"]);
}

/// `tool` of whom chooses clang.
fn clangs(folder: &Path) -> Command {
    let mut tool = tool(folder);
    tool.env("SKETE_CC", "clang");
    tool
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn clang_compiles_for_both_boards_if_it_is_chosen() {
    for board in ["raspi3b", "virt"] {
        let run = |program: &str| Outcome::of(clangs(root()).args(["run", program, "--board", board, "--timeout", "120"]));
        run("c/hello").assert(0, &["hello from thread 3"]);
        run("c/locks").assert(0, &["c/locks: 6 locks, every sum is right"]);
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn clang_is_told_and_refused_what_gcc_is() {
    let folder = folder(
        "c-clang",
        &[
            ("main.c", SEVEN),
            ("by.c", BY),
            ("Makefile", MAKEFILE),
            ("add.c", "int add(int *at) { return __atomic_fetch_add(at, 1, 5); }\n"),
            ("wait.c", "int __timedwait(void);\nint main() { return __timedwait(); }\n"),
        ],
    );
    let cc = |words: &[&str]| Outcome::of(clangs(&folder).arg("cc").args(words));
    cc(&["--version"]).assert(0, &["clang version"]);
    // The Pi's cores have no instruction for it, and nobody else a function.
    cc(&["-O2", "-S", "-o", "-", "add.c"]).assert(0, &["ldaxr", "stlxr"]);
    cc(&["-shared", "-fPIC", "-o", "lib.so", "by.c"]).assert(1, &["there are no shared libraries here"]);
    cc(&["-o", "app", "main.c"]).assert(1, &["undefined symbol: seven"]);
    cc(&["-o", "app", "wait.c"]).assert(1, &["the link is refused", "__timedwait.lo would go past the kernel"]);
    assert!(!folder.join("app").exists() && !folder.join("lib.so").exists());
    let output = clangs(&folder).args(["cc", "--path"]).output().unwrap();
    let driver = String::from_utf8(output.stdout).unwrap();
    Outcome::of(clean(&mut Command::new("make")).arg(format!("CC={}", driver.trim())).current_dir(&folder)).assert(0, &[]);
    Outcome::of(tool(&folder).args(["run", "./app", "--", "clang"])).assert(7, &["clang 14"]);
    Outcome::of(tool(&folder).env("SKETE_CC", "tcc").args(["cc", "--version"]))
        .assert(1, &["SKETE_CC is `tcc`: it may be `gcc` or `clang`"]);
}

#[test]
#[ignore = "needs the tool"]
fn what_cannot_be_linked_is_refused_and_leaves_no_program() {
    let folder = folder(
        "c-refused",
        &[("main.c", SEVEN), ("by.c", BY), ("wait.c", "int __timedwait(void);\nint main() { return __timedwait(); }\n")],
    );
    cc(&folder, &["-shared", "-fPIC", "-o", "lib.so", "by.c"]).assert(1, &["there are no shared libraries here"]);
    for words in [["-c", "by.cpp"].as_slice(), &["-o", "app", "by.cc"], &["-x", "c++", "-c", "by.c"], &["-o", "app", "by.c", "-lstdc++"]] {
        cc(&folder, words).assert(1, &["C++ is not supported", "musl"]);
    }
    cc(&folder, &["-o", "app", "main.c"]).assert(1, &["undefined symbol: seven"]);
    cc(&folder, &["-o", "app", "wait.c"])
        .assert(1, &["the link is refused", "__timedwait.lo would go past the kernel", "asked for __timedwait"]);
    for name in ["lib.so", "app"] {
        assert!(!folder.join(name).exists(), "{name} was made");
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn what_a_program_defines_itself_counts() {
    let own = "#include <stdio.h>\nint fut_p(int a) { return a; }\nint sys_yield(void) { return 5; }\n\
               int main(void) { printf(\"%d\\n\", fut_p(4) + sys_yield()); return 0; }\n";
    let folder = folder("c-own", &[("main.c", own)]);
    Outcome::of(tool(&folder).args(["run", "."])).assert(0, &["\n9\n"]);
}

const MAKEFILE: &str = "app: main.o by.o\n\t$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)\n";

#[test]
#[ignore = "needs the tool and QEMU"]
fn an_unmodified_makefile_needs_the_compilers_path_alone() {
    let folder = folder("c-make", &[("main.c", SEVEN), ("by.c", BY), ("Makefile", MAKEFILE)]);
    let make = Outcome::of(clean(&mut Command::new("make")).arg(format!("CC={}", driver(&folder))).current_dir(&folder));
    make.assert(0, &[]);
    Outcome::of(tool(&folder).args(["run", "./app", "--", "make"])).assert(7, &["make 14"]);
}

/// What autoconf's scripts ask of a compiler, in few lines: does it make programs, for another machine, what does it predefine, and which
/// functions are there.
const CONFIGURE: &str = "#!/bin/sh
case \"$*\" in --host=*) ;; *) echo 'no --host'; exit 1 ;; esac
echo 'int main(void) { return 0; }' > conftest.c
$CC -o conftest conftest.c || { echo 'C compiler cannot create executables'; exit 77; }
./conftest 2>/dev/null && { echo 'not a cross compiler'; exit 1; }
$CC -dM -E - </dev/null | grep -q __skete__ || exit 1
for name in pthread_create clock_gettime no_such_function; do
  printf 'char %s(void);\\nint main(void) { return %s(); }\\n' $name $name > conftest.c
  if $CC -o conftest conftest.c -lpthread 2>/dev/null; then echo \"$name yes\"; else echo \"$name no\"; fi
done
";

#[test]
#[ignore = "needs the tool"]
fn a_configure_script_finds_a_cross_compiler() {
    let folder = folder("c-configure", &[("configure", CONFIGURE)]);
    let mut configure = Command::new("sh");
    clean(&mut configure).args(["configure", "--host=aarch64-linux-musl"]).env("CC", driver(&folder)).current_dir(&folder);
    Outcome::of(&mut configure).assert(0, &["pthread_create yes", "clock_gettime yes", "no_such_function no"]);
}
