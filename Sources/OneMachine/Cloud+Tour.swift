// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import APIClient
internal import JSON
public import Lab

extension Cloud {
    /// The main job, on one machine of the lab: switched on through its BMC, it enlists and is commissioned; it is deployed, answers, is
    /// released with its disks erased, and is Ready again. At the end it is deployed once more, so that there is a machine to work with.
    public func tour(_ client: GantryClient) async throws {
        guard let machine = self.lab.machines.first else { throw OneMachineError("the lab has no machine. Next: gantry up --lab 1") }
        let follower = MachineFollower(client: client, progress: self.progress)
        let id = try await self.enlist(machine, client)
        try await self.makeReady(id, follower, client)
        try await self.deploy(id, follower, client)
        _ = try await client.post("machines/\(id)/", operation: "release", [("erase", "true")])
        try await follower.wait(for: id, until: "Ready", title: "releasing and erasing", within: .seconds(3600))
        try await self.deploy(id, follower, client)
    }

    private func deploy(_ id: String, _ follower: MachineFollower, _ client: GantryClient) async throws {
        let allocated = try await client.post("machines/", operation: "allocate", [("system_id", id)])
        self.progress.done("allocated \(allocated["hostname"]?.stringValue ?? id)")
        _ = try await client.post("machines/\(id)/", operation: "deploy", [])
        try await follower.wait(for: id, until: "Deployed", title: "deploying", within: .seconds(3600))
        let addresses = (try await client.get("machines/\(id)/"))["ip_addresses"]?.arrayValue?.compactMap(\.stringValue) ?? []
        try await self.reach(addresses)
    }

    /// Brings a machine to Ready from wherever an earlier tour left it.
    private func makeReady(_ id: String, _ follower: MachineFollower, _ client: GantryClient) async throws {
        let status = (try await client.get("machines/\(id)/"))["status_name"]?.stringValue ?? ""
        switch status {
        case "New", "Failed commissioning", "Failed testing", "Broken": _ = try await client.post("machines/\(id)/", operation: "commission")
        case "Deploying":
            try await follower.wait(for: id, until: "Deployed", title: "deploying", within: .seconds(3600))
            _ = try await client.post("machines/\(id)/", operation: "release")
        case "Allocated", "Deployed", "Failed deployment", "Releasing failed", "Failed disk erasing":
            _ = try await client.post("machines/\(id)/", operation: "release")
        default: break
        }
        try await follower.wait(for: id, until: "Ready", title: "commissioning", within: .seconds(2400))
    }

    /// Presses the button of a machine that Gantry has never seen, and waits for it to make itself known.
    ///
    /// - Returns: its system id.
    public func enlist(_ machine: LabMachine, _ client: GantryClient) async throws -> String {
        let name = machine.name
        func known() async throws -> String? {
            let found = try await client.get("machines/", [("mac_address", "\(machine.macAddress)")]).arrayValue ?? []
            return found.first?["system_id"]?.stringValue
        }
        if let id = try await known() { return id }
        try await self.lab.pressPowerButton(name)
        self.progress.done("\(name) was switched on through its BMC; Gantry has never seen it")
        let clock = ContinuousClock()
        let start = clock.now
        while clock.now - start < .seconds(1800) {
            if let id = try await known() {
                self.progress.done("\(name) made itself known as \(id) after \((clock.now - start).components.seconds) s")
                return id
            }
            self.progress.step("\(name) is booting from the network", fraction: nil)
            try await clock.sleep(for: .seconds(1))
        }
        let console = try self.lab.serialLog(name)
        throw OneMachineError("\(name) did not make itself known in 30 minutes. Next: gantry events, and \(console)")
    }

    /// Sees the installed system's SSH server answer at the first of its addresses.
    public func reach(_ addresses: [String]) async throws {
        guard let address = addresses.first else { throw OneMachineError("the deployed machine has no address. Next: gantry machines list") }
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(300)
        while clock.now < deadline {
            let probe = self.lab.rackCommand(["bash", "-c", "exec 3<>/dev/tcp/\(address)/22 && timeout 10 head -c 7 <&3"])
            if let banner = try? await Command.run(["timeout", "15"] + probe), banner.hasPrefix("SSH-2.0") {  // not yet: tried again
                self.progress.done("the installed system answers: SSH at \(address)")
                return
            }
            self.progress.step("waiting for the installed system's SSH server at \(address)", fraction: 0.9)
            try await clock.sleep(for: .seconds(2))
        }
        throw OneMachineError("no SSH server answers at \(address)")
    }
}
