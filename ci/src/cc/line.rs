//! A compiler's command line: what it asks for.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What a command line wants of the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A program.
    Link,
    /// A shared library, which cannot be.
    Library,
    /// Objects, assembly, what the preprocessor says, or one object out of several.
    Compile,
    /// C++, which there is no library for.
    OtherLanguage,
    /// Something about the compiler itself.
    Other,
}

/// A command line, looked at.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it wants.
    pub wish: Wish,
    /// Its words, without those that would make another kind of program than ours.
    pub words: Vec<OsString>,
    output: Option<PathBuf>,
}

/// Words after which the compiler does not link.
const COMPILES: [&str; 7] = ["-c", "-S", "-E", "-M", "-MM", "-r", "-fsyntax-only"];
/// Words that take the next one with them.
const TAKES_NEXT: [&str; 19] = [
    "-o",
    "-I",
    "-D",
    "-U",
    "-L",
    "-l",
    "-x",
    "-T",
    "-u",
    "-z",
    "-include",
    "-imacros",
    "-isystem",
    "-iquote",
    "-idirafter",
    "-MF",
    "-MT",
    "-MQ",
    "-Xlinker",
];
/// Ends of the names of files of C++.
const CPP: [&str; 8] = [".cc", ".cp", ".cpp", ".cxx", ".c++", ".C", ".CPP", ".ii"];
/// Its libraries.
const CPP_LIBRARIES: [&str; 2] = ["-lstdc++", "-lc++"];
/// Kinds of programs: there is one here.
const KINDS: [&str; 7] = ["-static", "-static-pie", "-pie", "-no-pie", "-dynamic", "-rdynamic", "-nopie"];
/// musl's libc, which a link puts behind the kernel and the C face, wherever it is named.
const LIBC: &str = "-lc";
/// What rustc calls the unwinder, and gcc's, which is the one here.
const UNWINDER: [&str; 2] = ["-lunwind", "-lgcc_eh"];

impl Line {
    /// Looks at the words.
    pub fn parse(words: &[OsString]) -> Self {
        let mut line = Self { wish: Wish::Other, words: Vec::new(), output: None };
        let (mut has_input, mut compiles, mut is_library, mut is_cpp) = (false, false, false, false);
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let text = word.to_string_lossy();
            if KINDS.contains(&&*text) || text == LIBC {
                continue;
            }
            if text == UNWINDER[0] {
                line.words.push(UNWINDER[1].into());
                continue;
            }
            line.words.push(word.clone());
            compiles |= COMPILES.contains(&&*text);
            is_library |= text == "-shared";
            if TAKES_NEXT.contains(&&*text) {
                let next = rest.next();
                line.words.extend(next.cloned());
                is_cpp |= text == "-x" && next.is_some_and(|language| is_cpp_language(&language.to_string_lossy()));
                if text == "-o" {
                    line.output = next.map(PathBuf::from);
                }
            } else if let Some(output) = text.strip_prefix("-o").filter(|rest| !rest.is_empty()) {
                line.output = Some(output.into());
            } else {
                is_cpp |= CPP_LIBRARIES.contains(&&*text) || text.strip_prefix("-x").is_some_and(is_cpp_language);
                has_input |= is_input(word);
                is_cpp |= is_input(word) && CPP.iter().any(|end| text.ends_with(end));
            }
        }
        line.wish = match (is_library, compiles, has_input) {
            _ if is_cpp => Wish::OtherLanguage,
            (true, false, _) => Wish::Library,
            (_, true, _) => Wish::Compile,
            (_, false, true) => Wish::Link,
            (_, false, false) => Wish::Other,
        };
        line
    }

    /// The file that a link writes.
    pub fn output(&self) -> &Path {
        self.output.as_deref().unwrap_or(Path::new("a.out"))
    }
}

/// Whether `-x` means C++ by this word, its headers or its preprocessor's output.
fn is_cpp_language(name: &str) -> bool {
    name.starts_with("c++")
}

/// Whether a word is a file, or standard input.
fn is_input(word: &OsStr) -> bool {
    word == "-" || !word.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> Line {
        Line::parse(&words.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_file_without_more_is_linked() {
        let line = line("-O2 -o app app.c -lpthread");
        assert_eq!((line.wish, line.output()), (Wish::Link, Path::new("app")));
        assert_eq!(self::line("a.o b.o").output(), Path::new("a.out"));
        assert_eq!(self::line("-oapp x.o").output(), Path::new("app"));
    }

    #[test]
    fn objects_and_questions_are_the_compilers_alone() {
        for words in ["-c app.c", "-E -", "-S -o - app.c", "-MM app.c", "-r a.o b.o -o c.o"] {
            assert_eq!(line(words).wish, Wish::Compile, "{words}");
        }
        for words in ["--version", "-dumpmachine", "-o x -I include", "-print-file-name=libgcc.a", "-v"] {
            assert_eq!(line(words).wish, Wish::Other, "{words}");
        }
    }

    #[test]
    fn cpp_is_another_language() {
        for words in ["-c x.cpp", "x.C", "-x c++ -E -", "-xc++ x.c", "-x c++-header x.h", "x.o -lstdc++"] {
            assert_eq!(line(words).wish, Wish::OtherLanguage, "{words}");
        }
        assert_eq!(line("-x c -c -").wish, Wish::Compile);
        assert_eq!(line("-o x.cc x.c").wish, Wish::Link);
    }

    #[test]
    fn a_shared_library_is_known_and_another_kind_of_program_forgotten() {
        assert_eq!(line("-shared -fPIC -o libx.so x.c").wish, Wish::Library);
        assert_eq!(line("-static -no-pie x.c").words, ["x.c"]);
    }

    #[test]
    fn libc_is_the_links_own_and_the_unwinder_gccs() {
        assert_eq!(line("x.o -lunwind -lc -lm").words, ["x.o", "-lgcc_eh", "-lm"]);
    }
}
