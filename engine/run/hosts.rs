//! The hosts that a run reaches: the machine that it was started on, and those of the places that its cells name.

use std::cell::Cell as Shared;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::rc::Rc;

use crate::call::Word;
use crate::error::{Context, Error, Result};
use crate::figures::counted;
use crate::key::place::HERE;
use crate::place::PLACES;
use crate::place::clock::Clock;
use crate::place::contract::{Host, Place};
use crate::place::messages::Tree;
use crate::place::pinning::Pinning;
use crate::place::site::Site;
use crate::plan::limits::Means;
use crate::plan::{Cell, Plan};
use crate::registry::find;
use crate::results::host::{ClientHost, ClockFacts, HostFacts, Hosts as Told, RoundTrips};
use crate::scenario::{Pin, WrittenPlace};

/// How much of what a shell there printed is kept.
const PRINTED: usize = 1000;

/// A host whose agent is reached.
#[derive(Debug)]
pub struct Standing {
    /// The host, as the scenario says it.
    pub host: Host,
    /// Its agent.
    pub site: Site,
    /// Where others reach it, where that is known.
    pub address: Option<IpAddr>,
    by: &'static str,
    /// Its round trips to a server before a trial, in nanoseconds.
    before_ns: Shared<Option<u64>>,
}

impl Standing {
    fn at(host: Host, by: &'static str, site: Site, address: Option<IpAddr>) -> Rc<Self> {
        Rc::new(Standing { host, site, address, by, before_ns: Shared::default() })
    }

    /// True for the machine that the run was started on.
    pub fn is_here(&self) -> bool {
        self.host.place == HERE
    }
}

/// Every host of a run, those of each place together.
#[derive(Debug)]
pub struct Hosts {
    here: Rc<Standing>,
    /// Of each place in the order of the scenario, by its name.
    others: Vec<(String, Result<Vec<Rc<Standing>>>)>,
    pin: Pin,
    /// The most client processes that a cell has on a host.
    processes: u32,
}

impl Hosts {
    /// Only the machine that the run is started on.
    pub fn only(here: Site, pin: &Pin) -> Self {
        let here = Standing::at(Host::here(), HERE, here, None);
        Hosts { here, others: Vec::new(), pin: pin.clone(), processes: 1 }
    }

    /// Reaches the hosts of every place that some cell of the plan names; `say` is told what takes long, and once of each
    /// place that cannot be reached: the cells that need it fail then.
    pub fn reach(self, plan: &Plan, say: &mut dyn FnMut(&str)) -> Self {
        let needs =
            |cell: &Cell, name: &str| cell.target.place.as_deref() == Some(name) || cell.from.as_deref() == Some(name);
        let mut others = Vec::new();
        for place in &plan.places {
            let needing = plan.cells.iter().filter(|cell| needs(cell, &place.name)).count();
            if needing == 0 {
                continue;
            }
            let reached = reach(place, say);
            if let Err(error) = &reached {
                let all = counted(plan.cells.len(), "cell", "cells");
                say(&format!("warning: {needing} of {all} will fail: {error}"));
            }
            others.push((place.name.clone(), reached));
        }
        Hosts { others, processes: plan.processes, ..self }
    }

    /// The machine that the run was started on.
    pub fn here(&self) -> &Rc<Standing> {
        &self.here
    }

    /// All hosts but that.
    pub fn others(&self) -> impl Iterator<Item = &Rc<Standing>> {
        self.others.iter().flat_map(|(_, hosts)| hosts).flatten()
    }

    /// From now on each host looks at who else uses the cores of the ends that run there; `here` are those of this machine.
    pub fn look_at_neighbours(&self, plan: &Plan, here: &Pinning) -> Result<()> {
        self.here.site.look_at_neighbours([here.server.clone(), here.client.clone()], self.run_beside(&self.here))?;
        for standing in self.others() {
            let name = Some(standing.host.place.as_str());
            let serves = plan.cells.iter().any(|cell| cell.target.place.as_deref() == name);
            let calls = plan.cells.iter().any(|cell| cell.from.as_deref() == name);
            let all = &standing.site.hello().cores;
            let ends = match &self.pin {
                Pin::Cores { server, client } => [(serves, server), (calls, client)],
                Pin::Auto | Pin::None => [(serves, all), (calls, all)],
            };
            // Where only one end runs its cores are all that count.
            let of = |(runs, cores): (bool, &Vec<usize>)| runs.then(|| cores.clone());
            let [server, client] = ends.map(of);
            let one = server.clone().or(client.clone()).unwrap_or_default();
            let ends = [server.unwrap_or_else(|| one.clone()), client.unwrap_or(one)];
            standing.site.look_at_neighbours(ends, self.run_beside(standing))?;
        }
        Ok(())
    }

    /// The processes of other agents of this run that the agent of a host sees.
    fn run_beside(&self, standing: &Rc<Standing>) -> Vec<i32> {
        self.beside(standing).filter_map(|other| Some(other.site.hello().tree.as_ref()?.root)).collect()
    }

    /// The other hosts that are the same machine as this one.
    fn beside<'a>(&'a self, standing: &'a Rc<Standing>) -> impl Iterator<Item = &'a Rc<Standing>> {
        fn tree(standing: &Standing) -> Option<&Tree> {
            standing.site.hello().tree.as_ref()
        }
        let same = move |other: &&'a Rc<Standing>| {
            tree(standing).zip(tree(other)).is_some_and(|(one, other)| one.is_beside(other))
        };
        let all = std::iter::once(&self.here).chain(self.others());
        all.filter(|other| !Rc::ptr_eq(other, standing)).filter(same)
    }

    /// What is said of the other hosts.
    pub fn facts(&self) -> Vec<HostFacts> {
        let shared = |standing| self.beside(standing).map(|other| other.host.name.clone()).collect();
        self.others().map(|standing| HostFacts { one_machine_with: shared(standing), ..facts(standing) }).collect()
    }

    /// Where the server of a cell runs.
    pub fn server(&self, cell: &Cell) -> Result<&Rc<Standing>> {
        let standing = self.of(cell.target.place.as_deref())?.first();
        standing.ok_or_else(|| Error::stopped("a place without hosts"))
    }

    /// Where its clients run.
    pub fn clients(&self, cell: &Cell) -> Result<&[Rc<Standing>]> {
        self.of(cell.from.as_deref())
    }

    fn of(&self, place: Option<&str>) -> Result<&[Rc<Standing>]> {
        let Some(name) = place else { return Ok(std::slice::from_ref(&self.here)) };
        match self.others.iter().find(|(known, _)| known == name).map(|(_, hosts)| hosts) {
            Some(Ok(hosts)) => Ok(hosts),
            Some(Err(error)) => Err(error.clone()),
            None => Err(Error::stopped(format!("nobody has reached the place `{name}`"))),
        }
    }

    /// Each host that a cell needs, once.
    pub fn of_cell(&self, cell: &Cell) -> Result<Vec<&Rc<Standing>>> {
        let mut all = vec![self.server(cell)?];
        for standing in self.clients(cell)? {
            if !all.iter().any(|known| Rc::ptr_eq(known, standing)) {
                all.push(standing);
            }
        }
        Ok(all)
    }

    /// What one of its other hosts has too little of for a cell, where that is sure before anything is launched.
    pub fn too_small(&self, cell: &Cell) -> Option<Error> {
        let (server, clients) = (self.server(cell).ok()?, self.clients(cell).ok()?);
        let lacks = |standing: &&Rc<Standing>| {
            let (hello, host) = (standing.site.hello(), standing.host.to_string());
            cell.lacks(&Means {
                host: &host,
                serves: Rc::ptr_eq(standing, server),
                calls: clients.iter().any(|client| Rc::ptr_eq(client, standing)).then_some(clients.len()),
                descriptors: hello.descriptors,
                memory: hello.memory,
                ports: hello.ports,
            })
        };
        // What is here was told before the run.
        let elsewhere = self.of_cell(cell).ok()?.into_iter().filter(|standing| !standing.is_here()).collect::<Vec<_>>();
        elsewhere.iter().find_map(lacks)
    }

    /// The address on which the server of a cell listens: that of its host by which its clients reach it, and no other.
    pub fn address(&self, cell: &Cell) -> Result<IpAddr> {
        let (server, clients) = (self.server(cell)?, self.clients(cell)?);
        let Some(client) = clients.iter().find(|client| !Rc::ptr_eq(client, server)) else {
            return Ok(Ipv4Addr::LOCALHOST.into());
        };
        if server.is_here() {
            return client
                .address
                .and_then(towards)
                .ok_or_else(|| nowhere(&client.host, "how this machine is reached from there"));
        }
        server.address.ok_or_else(|| nowhere(&server.host, "where others reach it"))
    }

    /// The addresses from which the server of a cell sees its clients come: it need take nobody else's connections. None
    /// where both are here, or where a network lets nothing but calls through.
    pub fn callers(&self, cell: &Cell) -> Result<Vec<IpAddr>> {
        let (server, clients) = (self.server(cell)?, self.clients(cell)?);
        let address = self.address(cell)?;
        if address.is_loopback() {
            return Ok(Vec::new());
        }
        let from = |client: &Rc<Standing>| Some(client.site.trips_to(&server.site, address).ok()?.from);
        Ok(clients.iter().map(from).collect::<Option<_>>().unwrap_or_default())
    }

    /// Which cores each end of a cell has; an error where `pin` names one that its host lacks.
    pub fn pinning(&self, cell: &Cell, here: &Pinning) -> Result<Pinning> {
        let (server, clients) = (self.server(cell)?, self.clients(cell)?);
        let client = clients.first().ok_or_else(|| Error::stopped("a place without hosts"))?;
        if server.is_here() && client.is_here() {
            return Ok(here.clone());
        }
        if Rc::ptr_eq(server, client) {
            let cores = &server.site.hello().cores;
            return Pinning::among(&self.pin, cores, false, self.processes)
                .map_err(|error| error.context(&server.host));
        }
        let mut of_clients =
            clients.iter().map(|client| (client.host.to_string(), client.site.hello().cores.as_slice()));
        let first = of_clients.next().unwrap_or_default();
        let server = (server.host.to_string(), server.site.hello().cores.as_slice());
        Pinning::apart(&self.pin, (&server.0, server.1), (&first.0, first.1))
            .and_then(|pinning| of_clients.try_for_each(|(host, cores)| pinning.fits(&host, cores)).map(|()| pinning))
    }

    /// Measures the ways from clients to the host of their server, before a trial.
    pub fn before(&self, cell: &Cell) -> Result<()> {
        let server = self.server(cell)?;
        for client in self.clients(cell)? {
            client.before_ns.set(self.way(cell, client, server));
        }
        Ok(())
    }

    /// The same after it, with how well the clocks are known: where its ends ran, and how far a clock went away; none where
    /// both were here.
    pub fn after(&self, cell: &Cell) -> Result<Option<Told>> {
        let (server, clients) = (self.server(cell)?, self.clients(cell)?);
        if server.is_here() && clients.iter().all(|client| client.is_here()) {
            return Ok(None);
        }
        let told = |client: &Rc<Standing>| {
            let after = self.way(cell, client, server);
            let round_trip_ns = client.before_ns.take().zip(after).map(|(before, after)| RoundTrips { before, after });
            let drift_ns = client.site.compare_clocks()?;
            let Clock { ahead_ns, error_ns, .. } = client.site.clock();
            let clock = (!client.is_here()).then_some(ClockFacts { ahead_ns, error_ns, drift_ns });
            Ok(ClientHost { host: client.host.name.clone(), round_trip_ns, clock })
        };
        let clients = clients.iter().map(told).collect::<Result<_>>()?;
        Ok(Some(Told { server: server.host.name.clone(), clients }))
    }

    /// The median of some round trips, where both are two hosts and it can be measured; a network may let nothing but
    /// calls through.
    fn way(&self, cell: &Cell, client: &Rc<Standing>, server: &Rc<Standing>) -> Option<u64> {
        (!Rc::ptr_eq(client, server)).then_some(())?;
        let address = self.address(cell).ok()?;
        client.site.trips_to(&server.site, address).ok().map(|trips| trips.median_ns)
    }
}

fn reach(place: &WrittenPlace, say: &mut dyn FnMut(&str)) -> Result<Vec<Rc<Standing>>> {
    let way = find("place", PLACES, place.by.word())?;
    Host::all(place).into_iter().map(|host| stand(way, host, say)).collect()
}

fn stand(way: &'static dyn Place, host: Host, say: &mut dyn FnMut(&str)) -> Result<Rc<Standing>> {
    let site = Site::reach_host(way, &host, say)?;
    if !site.noise().trim().is_empty() {
        say(&format!(
            "warning: a shell of {host} prints at each login, which its agent has to bear: {}",
            printed(&site)
        ));
    }
    let address = match &host.address {
        Some(written) => Some(resolved(&host, written)?),
        None => way.address(&host, site.hello())?,
    };
    Ok(Standing::at(host, way.name(), site, address))
}

/// The beginning of what else was printed there.
fn printed(site: &Site) -> String {
    site.noise().trim().chars().take(PRINTED).collect()
}

/// The address that a user has written for a host.
fn resolved(host: &Host, written: &str) -> Result<IpAddr> {
    let doing = format!("the address `{written}` of {host} is not found");
    let found: Vec<IpAddr> = (written, 0).to_socket_addrs().doing(doing)?.map(|address| address.ip()).collect();
    let ip = found.iter().find(|ip| ip.is_ipv4()).or(found.first()).copied();
    match ip.filter(|ip| !ip.is_unspecified()) {
        Some(ip) => Ok(ip),
        None => Err(Error::failed(format!("`{written}` is no address of {host} that others could dial"))
            .help("write one: a server there listens on that address alone")),
    }
}

/// Our address from which packets to another go out; none is sent to find it.
fn towards(there: IpAddr) -> Option<IpAddr> {
    let any = SocketAddr::new(
        if there.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() },
        0,
    );
    let socket = UdpSocket::bind(any).ok()?;
    // The port does not matter.
    socket.connect((there, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

fn nowhere(host: &Host, what: &str) -> Error {
    Error::failed(format!("nothing tells of {host} {what}")).help("say it in the place: `address: 10.0.0.7`")
}

fn facts(standing: &Standing) -> HostFacts {
    let hello = standing.site.hello();
    HostFacts {
        place: standing.host.place.clone(),
        host: standing.host.name.clone(),
        by: standing.by.to_owned(),
        address: standing.address.map(|address| address.to_string()),
        hostname: hello.host.clone(),
        sha256: hello.sha256.clone(),
        machine: hello.machine.clone(),
        printed: Some(printed(&standing.site)).filter(|printed| !printed.is_empty()),
        one_machine_with: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{resolved, towards};
    use crate::place::contract::Host;

    #[test]
    fn an_address_is_one_that_can_be_dialled() {
        let host = Host { name: "web-1".to_owned(), ..Host::here() };
        let of = |written: &str| resolved(&host, written).map_err(|error| error.to_string());
        assert_eq!(of("10.0.0.7"), Ok(IpAddr::from([10, 0, 0, 7])));
        let wild = of("0.0.0.0").expect_err("it is all of them");
        assert!(wild.contains("no address of web-1") && wild.contains("alone"), "{wild}");
        assert_eq!(towards(Ipv4Addr::LOCALHOST.into()), Some(Ipv4Addr::LOCALHOST.into()));
    }
}
