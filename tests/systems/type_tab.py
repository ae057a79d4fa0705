"""Sits at the terminal of a shell: types a line and the key for completion, and reads until all that is wanted is shown.

    type_tab.py bash|zsh|fish LINE WORD...

Scripts lie where each shell is told to look. A word is on the screen when it stands there whole, after the line was typed.
"""

import os
import pty
import re
import select
import signal
import sys
import time

shell, line, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
READY = "ready-to-type"
# What has each shell list all there is at once, without asking how long a list may be, and say when it listens.
START = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "bind 'set show-all-if-ambiguous on'; bind 'set page-completions off'; bind 'set completion-query-items 0';"
        " bind 'set enable-bracketed-paste off'; source ./engine.bash; PS1='ready-to''-type> '",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D; LISTMAX=1000; unsetopt prompt_cr prompt_sp;"
        " setopt list_rows_first; PS1='ready-to''-type> '",
    ),
    "fish": (["fish", "-i"], "function fish_prompt; echo -n 'ready-to''-type> '; end"),
}
command, start = START[shell]

child, terminal = pty.fork()
if child == 0:
    os.environ.update(TERM="xterm", COLUMNS="200", LINES="60", fish_greeting="")
    os.execvp(command[0], command)

# A terminal is wide, so that no word is cut.
import fcntl  # noqa: E402
import struct  # noqa: E402
import termios  # noqa: E402

fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))

shown = ""
until = time.monotonic() + 60


def plain(text):
    """The text as it stands once what moves the cursor and colours is done; of a line that is written anew both."""
    text = re.sub(r"\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[\[(][0-9;?>=]*[A-Za-z]|\x1b[=>]|\x0f", "", text)
    stands = []
    for character in text.replace("\r", "\n"):
        if character != "\b":
            stands.append(character)
        elif stands and stands[-1] != "\n":
            stands.pop()
    return "".join(stands)


def read_until(done, what):
    global shown
    while not done(plain(shown)):
        left = until - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            sys.exit(f"{shell} did not show {what} in 60 s, but:\n{plain(shown)}")
        try:
            shown += os.read(terminal, 65536).decode("utf-8", "replace")
        except OSError:
            sys.exit(f"{shell} ended before it showed {what}:\n{plain(shown)}")


try:
    os.write(terminal, (start + "\n").encode())
    read_until(lambda text: f"{READY}> " in text, "its prompt")
    shown = ""
    os.write(terminal, (line + "\t\t").encode())

    def whole(text):
        return all(re.search(rf"(?<![\w/.-]){re.escape(word)}(?![\w.-])", text) for word in wanted)

    read_until(whole, wanted)
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
