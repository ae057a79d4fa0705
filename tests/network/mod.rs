//! Hosts of a test's own: network namespaces on one bridge, each with an sshd, and Slurm over them.
#![allow(dead_code, reason = "not every test needs everything")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

/// How long anything here may take before a test says that it never happened.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The hosts, besides the one that runs are started on.
pub(crate) const HOSTS: [&str; 3] = ["a", "b", "d"];

/// A host that is 5,000 s ahead of all others.
pub(crate) const AHEAD: &str = "d";

/// Some hosts, and the files of their daemons; dropped, nothing of it is left.
pub(crate) struct Network {
    pub(crate) folder: tempfile::TempDir,
    /// What the names of its namespaces begin with.
    name: String,
    daemons: Vec<Child>,
}

/// What a test needs and this machine lacks; none where all is there.
fn lacking(programs: &[&str]) -> Option<String> {
    if !geteuid().is_root() {
        return Some("root, who may lay networks".to_owned());
    }
    let missing = |program: &&&str| {
        let found = Command::new("sh").args(["-c", "command -v \"$0\" >/dev/null", program]).status();
        !found.is_ok_and(|status| status.success())
    };
    if let Some(program) = programs.iter().find(missing) {
        return Some(format!("`{program}`"));
    }
    let tried = Command::new("unshare").args(["-n", "true"]).output();
    (!tried.is_ok_and(|tried| tried.status.success())).then(|| "leave to make namespaces".to_owned())
}

/// What runs to its end, quietly; it has to succeed.
fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn ip(words: &str) {
    done(Command::new("ip").args(words.split_ascii_whitespace()));
}

impl Network {
    /// The hosts, for the test of that name; none where this machine cannot have them, which is said.
    pub(crate) fn lay(test: &str, programs: &[&str]) -> Option<Self> {
        let needed = [&["ip", "nsenter", "unshare", "sshd", "ssh", "ssh-keygen"], programs].concat();
        if let Some(lack) = lacking(&needed) {
            eprintln!("NOT PROVEN here: {test}: it needs {lack}");
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("eng{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().expect("a folder");
        // Whoever logs in finds the program there.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        let network = Network { folder, name, daemons: Vec::new() };
        let home = network.space("c");
        ip(&format!("netns add {home}"));
        ip(&format!("-n {home} link set lo up"));
        ip(&format!("-n {home} link add bridge type bridge"));
        ip(&format!("-n {home} addr add {}/24 dev bridge", address("c")));
        ip(&format!("-n {home} link set bridge up"));
        for host in HOSTS {
            let space = network.space(host);
            ip(&format!("netns add {space}"));
            ip(&format!("-n {home} link add to-{host} type veth peer name eth netns {space}"));
            ip(&format!("-n {home} link set to-{host} master bridge up"));
            ip(&format!("-n {space} link set lo up"));
            ip(&format!("-n {space} addr add {}/24 dev eth", address(host)));
            ip(&format!("-n {space} link set eth up"));
        }
        network.keys();
        Some(network)
    }

    fn space(&self, host: &str) -> String {
        format!("{}{host}", self.name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Keys of hosts and of the one who logs in, an `ssh` that uses them, and a copy of the engine that no other test runs.
    fn keys(&self) {
        for key in ["host", "other", "user"] {
            let file = self.path(key);
            done(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file));
        }
        let folder = self.folder.path().display();
        self.program("bin/ssh", &format!("exec /usr/bin/ssh -F {folder}/config \"$@\""));
        fs::copy(env!("CARGO_BIN_EXE_engine"), self.path("engine")).expect("it can be copied");
        fs::write(self.path("config"), "").expect("a file");
        fs::write(self.path("known"), "").expect("a file");
        fs::create_dir_all("/run/sshd").expect("sshd gives up its rights there");
    }

    /// A program that a shell runs.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("it is written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be run");
    }

    /// A command on a host.
    pub(crate) fn on(&self, host: &str) -> Command {
        let words = self.reach(host);
        let (program, argument) = words.split_once(' ').expect("two words");
        let mut command = Command::new(program);
        command.arg(argument);
        command
    }

    /// What a command on a host begins with.
    pub(crate) fn reach(&self, host: &str) -> String {
        format!("nsenter --net=/run/netns/{}", self.space(host))
    }

    /// Lets `ssh name` reach a host, with more words for its sshd; its key is `known` as that of the file.
    pub(crate) fn sshd(&mut self, name: &str, host: &str, more: &str, known: Option<&str>) {
        let (folder, port) = (self.folder.path().display().to_string(), 2200 + self.daemons.len());
        let (address, conf) = (address(host), self.path(&format!("sshd-{name}")));
        let text = format!(
            "ListenAddress {address}\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nPidFile none\nMaxStartups 100\n{more}\n"
        );
        fs::write(&conf, text).expect("a file");
        let mut sshd = self.on(host);
        if host == AHEAD {
            sshd.args(["unshare", "-T", "--monotonic", "5000", "--fork", "--kill-child"]);
        }
        sshd.args(["/usr/sbin/sshd", "-D", "-e", "-f"]).arg(&conf);
        self.daemon(name, sshd);
        let entry = format!(
            "Host {name}\n HostName {address}\n Port {port}\n User root\n IdentityFile {folder}/user\n IdentitiesOnly yes\n \
             UserKnownHostsFile {folder}/known\n GlobalKnownHostsFile /dev/null\n"
        );
        append(&self.path("config"), &entry);
        if let Some(known) = known {
            let key = fs::read_to_string(self.path(&format!("{known}.pub"))).expect("the key");
            append(&self.path("known"), &format!("[{address}]:{port} {key}"));
        }
        self.await_port(host, port as u16);
    }

    /// Hosts `a`, `b` and `d` by ssh.
    pub(crate) fn all_by_ssh(&mut self) {
        for host in HOSTS {
            self.sshd(host, host, "", Some("host"));
        }
    }

    fn daemon(&mut self, name: &str, mut command: Command) {
        let log = fs::File::create(self.path(&format!("log-{name}"))).expect("a file");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        self.daemons.push(command.spawn().expect("the daemon starts"));
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("log-{name}"))).unwrap_or_default()
    }

    fn await_port(&self, host: &str, port: u16) {
        let begun = Instant::now();
        let script = format!("exec 3<>/dev/tcp/{}/{port}", address(host));
        while !self.on("c").args(["bash", "-c", &script]).output().is_ok_and(|tried| tried.status.success()) {
            assert!(begun.elapsed() < PATIENCE, "nothing listens on {host}: {port}");
        }
    }

    /// Slurm over all hosts; its nodes are called as they are.
    pub(crate) fn slurm(&mut self) {
        let folder = self.folder.path().display().to_string();
        let (key, socket) = (self.path("munge-key"), self.path("munge"));
        fs::write(&key, (0..1024u32).map(|n| (n * 7919 % 251) as u8).collect::<Vec<_>>()).expect("a file");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).expect("it is ours");
        let mut munged = Command::new("munged");
        munged.args(["--force", "--foreground"]);
        for (option, file) in [("key-file", "munge-key"), ("socket", "munge"), ("pid-file", "munge.pid")] {
            munged.arg(format!("--{option}={folder}/{file}"));
        }
        munged.arg(format!("--log-file={folder}/munge.log")).arg(format!("--seed-file={folder}/munge.seed"));
        self.daemon("munged", munged);
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < PATIENCE, "munge does not listen: {}", self.log("munged"));
        }
        let nodes: String = HOSTS
            .iter()
            .map(|host| format!("NodeName={host} NodeAddr={} CPUs=4 RealMemory=500\n", address(host)))
            .collect();
        let conf = format!(
            "ClusterName=engine\nSlurmctldHost=ctl({})\nAuthType=auth/munge\nAuthInfo=socket={folder}/munge\nSlurmUser=root\n\
             SlurmdUser=root\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n\
             SelectTypeParameters=CR_Core\nMpiDefault=none\nReturnToService=2\nSlurmdParameters=config_overrides\n\
             StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool.%n\nSlurmctldPidFile={folder}/ctl.pid\n\
             SlurmdPidFile={folder}/%n.pid\n{nodes}PartitionName=p Nodes={} Default=YES OverSubscribe=YES\n",
            address("c"),
            HOSTS.join(",")
        );
        fs::write(self.path("slurm.conf"), conf).expect("a file");
        fs::create_dir(self.path("state")).expect("a folder");
        let called = |name: &str, daemon: &str| format!("hostname {name}; exec {daemon} -D -f {folder}/slurm.conf");
        let mut control = self.on("c");
        control.args(["unshare", "-u", "sh", "-c", &called("ctl", "slurmctld")]);
        self.daemon("slurmctld", control);
        for host in HOSTS {
            let mut node = self.on(host);
            node.args(["unshare", "-u", "sh", "-c", &called(host, "slurmd")]);
            self.daemon(&format!("slurmd-{host}"), node);
        }
        let begun = Instant::now();
        loop {
            let tried = self.inside("srun").args(["-N3", "hostname"]).output().expect("it starts");
            let said = String::from_utf8_lossy(&tried.stdout).into_owned();
            if said.lines().count() == HOSTS.len() {
                return;
            }
            let told = String::from_utf8_lossy(&tried.stderr).into_owned();
            assert!(begun.elapsed() < PATIENCE, "Slurm does not come up: {told}\n{}", self.log("slurmctld"));
        }
    }

    /// A program in the host on which runs are started, with our `ssh` and Slurm.
    pub(crate) fn inside(&self, program: &str) -> Command {
        let path = std::env::var("PATH").expect("there is one");
        let mut command = self.on("c");
        command
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("SLURM_CONF", self.path("slurm.conf"))
            .env("ENGINE_BESIDE_OTHERS", "1")
            .current_dir(self.folder.path())
            .arg(program);
        command
    }

    /// Writes the scenario of a run.
    pub(crate) fn scenario(&self, text: &str) {
        fs::write(self.path("s.yaml"), format!("title: t\nquestion: q\n{text}")).expect("a file");
    }

    /// The run of it, inside an allocation of all nodes where that is asked for.
    pub(crate) fn run(&self, out: &str, allocated: bool) -> Command {
        let engine = self.path("engine").display().to_string();
        let mut command = if allocated {
            let mut command = self.inside("salloc");
            command.args(["-N3", "--quiet", &engine]);
            command
        } else {
            self.inside(&engine)
        };
        command.args(["run", "s.yaml", "--out", out]);
        command
    }

    /// Every process that runs the engine of this network, wherever it is.
    pub(crate) fn left(&self) -> Vec<u32> {
        let is_ours = |pid: &u32| {
            let own = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            // A zombie has no program any more.
            own.starts_with(self.folder.path())
        };
        let pids = fs::read_dir("/proc").expect("it is there").flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }

    /// Waits until none of them is left.
    pub(crate) fn await_none(&self, why: &str) -> Duration {
        let begun = Instant::now();
        loop {
            let left = self.left();
            if left.is_empty() {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < PATIENCE, "{why}: left running: {left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Cuts a host off from all others, or mends that.
    pub(crate) fn cut(&self, host: &str, up: bool) {
        let state = if up { "up" } else { "down" };
        ip(&format!("-n {} link set to-{host} {state}", self.space("c")));
    }
}

/// The address of a host.
pub(crate) fn address(host: &str) -> String {
    let at = HOSTS.iter().position(|known| *known == host).map_or(1, |at| at + 2);
    format!("10.88.0.{at}")
}

fn append(file: &Path, text: &str) {
    let known = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, known + text).expect("a file");
}

impl Drop for Network {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            // One that has ended needs no signal.
            let _ = Command::new("kill").arg(daemon.id().to_string()).stderr(Stdio::null()).status();
        }
        let begun = Instant::now();
        for daemon in &mut self.daemons {
            while matches!(daemon.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        for host in HOSTS.iter().chain(&["c"]) {
            let _ = Command::new("ip").args(["netns", "del", &self.space(host)]).status();
        }
    }
}
