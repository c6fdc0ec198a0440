// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
public import Domain
import Synchronization

/// The rack's memory of what machines are to boot. A boot answer never waits for a region.
public final class BootAnswers: Sendable {
    private struct State {
        var intents: [MACAddress: BootIntent] = [:]
        var enlistment: BootIntent?
        var loaders: [String: String] = [:]
        var clients: [IPAddress: MACAddress] = [:]
    }

    /// How many addresses are remembered with their machine; then all are forgotten, because only the timeline uses them.
    private static let maximumClients = 16384

    private let httpPort: Int
    private let state = Mutex(State())

    /// - Parameter httpPort: The port of the HTTP boot server, for generated configurations.
    public init(httpPort: Int = 5248) {
        self.httpPort = httpPort
    }

    /// Takes over all that the region knows.
    public func replace(intents: [BootIntent], enlistment: BootIntent?, loaders: [String: String]) {
        var byAddress: [MACAddress: BootIntent] = [:]
        for intent in intents {
            for address in intent.macAddresses { byAddress[address] = intent }
        }
        let files = Self.normalised(loaders)
        self.state.withLock { state in
            state.intents = byAddress
            state.enlistment = enlistment
            state.loaders = files
        }
    }

    /// Takes over one machine's intent, instead of its former one.
    public func put(_ intent: BootIntent) {
        self.state.withLock { state in
            if let id = intent.systemID { state.intents = state.intents.filter { $0.value.systemID != id } }
            for address in intent.macAddresses { state.intents[address] = intent }
        }
    }

    /// Forgets a machine: it is unknown from now on.
    public func remove(_ id: SystemID) {
        self.state.withLock { state in
            state.intents = state.intents.filter { $0.value.systemID != id }
        }
    }

    /// What unknown machines boot; nil sends them to their disk.
    public func setEnlistment(_ intent: BootIntent?) {
        self.state.withLock { $0.enlistment = intent }
    }

    /// The boot loaders and their files: the name that firmware asks for, and the content's SHA-256.
    public func setLoaders(_ digestsByName: [String: String]) {
        let files = Self.normalised(digestsByName)
        self.state.withLock { $0.loaders = files }
    }

    private static func normalised(_ loaders: [String: String]) -> [String: String] {
        var files: [String: String] = [:]
        for (name, digest) in loaders {
            if let path = BootPath.normalised(name) { files[path] = digest }
        }
        return files
    }

    /// Remembers whose address this is, as DHCP knows it.
    public func note(client: IPAddress, is macAddress: MACAddress) {
        self.state.withLock { state in
            if state.clients.count >= Self.maximumClients, state.clients[client] == nil { state.clients = [:] }
            state.clients[client] = macAddress
        }
    }

    /// Whose address this is, if known.
    public func macAddress(of client: IPAddress) -> MACAddress? {
        self.state.withLock { $0.clients[client] }
    }

    public func intent(of macAddress: MACAddress) -> BootIntent? {
        self.state.withLock { $0.intents[macAddress] }
    }

    /// Everything that a machine may be sent for: worth having before it asks.
    public var digests: Set<String> {
        self.state.withLock { state in
            var digests = Set(state.loaders.values)
            for intent in state.intents.values { digests.formUnion(intent.image?.digests ?? []) }
            digests.formUnion(state.enlistment?.image?.digests ?? [])
            return digests
        }
    }

    /// Decides what to send.
    public func answer(_ request: BootRequest) -> BootAnswer {
        guard let path = BootPath.normalised(request.name) else { return BootAnswer(content: .refused) }
        let name = BootName(path: path)
        if let address = name.macAddress { self.note(client: request.client, is: address) }
        let environment = BootEnvironment(serviceAddress: request.service, httpPort: self.httpPort)
        var answer =
            switch name {
            case .content(let digest): BootAnswer(content: .file(digest: digest))
            case .file(let file): BootAnswer(content: self.loader(file).map { .file(digest: $0) } ?? .notFound)
            case .grubDispatcher: Self.text(GRUBConfiguration.dispatcher())
            case .ipxeDispatcher: Self.text(IPXEScript.dispatcher(environment: environment))
            case .pxelinux(let address): self.configuration(.pxelinux, of: address, environment: environment, transport: request.transport)
            case .grub(let address): self.configuration(.grub, of: address, environment: environment, transport: request.transport)
            case .ipxe(let address): self.configuration(.ipxe, of: address, environment: environment, transport: request.transport)
            case .pxelinuxDefault(let architecture):
                self.enlistment(.pxelinux, architecture: architecture, environment: environment, transport: request.transport)
            case .grubDefault(let architecture):
                self.enlistment(.grub, architecture: architecture, environment: environment, transport: request.transport)
            case .ipxeDefault(let architecture):
                self.enlistment(.ipxe, architecture: architecture, environment: environment, transport: request.transport)
            }
        answer.isProbe = answer.content == .notFound && name.isProbe
        answer.macAddress = name.macAddress ?? self.macAddress(of: request.client)
        return answer
    }

    private func loader(_ path: String) -> String? {
        self.state.withLock { $0.loaders[path] }
    }

    private static func text(_ text: String) -> BootAnswer { BootAnswer(content: .bytes(Array(text.utf8))) }

    private func configuration(
        _ loader: BootLoader, of address: MACAddress, environment: BootEnvironment, transport: BootTransport
    ) -> BootAnswer {
        guard let intent = self.intent(of: address) else { return BootAnswer(content: .notFound) }
        return Self.configuration(loader, for: intent, address: address, environment: environment, transport: transport)
    }

    /// What unknown machines get. The ephemeral OS is an amd64 one; other machines, and all before an image was imported, boot their disk.
    private func enlistment(
        _ loader: BootLoader, architecture: String, environment: BootEnvironment, transport: BootTransport
    ) -> BootAnswer {
        guard architecture == "amd64", let intent = self.state.withLock({ $0.enlistment }) else {
            switch loader {
            case .pxelinux: return Self.text(PXELinuxConfiguration.localBoot())
            case .grub: return Self.text(GRUBConfiguration.localBoot())
            case .ipxe: return Self.text(IPXEScript.localBoot(environment: environment))
            }
        }
        return Self.configuration(loader, for: intent, address: nil, environment: environment, transport: transport)
    }

    private static func configuration(
        _ loader: BootLoader, for intent: BootIntent, address: MACAddress?, environment: BootEnvironment, transport: BootTransport
    ) -> BootAnswer {
        var answer: BootAnswer
        do throws(BootConfigurationError) {
            answer =
                switch loader {
                case .pxelinux: Self.text(try PXELinuxConfiguration.text(for: intent, environment: environment, transport: transport))
                case .grub: Self.text(try GRUBConfiguration.text(for: intent, macAddress: address, environment: environment))
                case .ipxe: Self.text(try IPXEScript.text(for: intent, macAddress: address, environment: environment))
                }
        } catch {
            answer =
                switch loader {
                case .pxelinux: Self.text(PXELinuxConfiguration.refusal(error))
                case .grub: Self.text(GRUBConfiguration.refusal(error))
                case .ipxe: Self.text(IPXEScript.refusal(error))
                }
            answer.problem = error.description
        }
        answer.purpose = intent.purpose
        return answer
    }
}
