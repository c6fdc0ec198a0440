// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `fabrics/{fabric_id}/vlans/` and `vlans/{id}/`.
enum VLANHandlers {
    private static let parameters: [Parameter] = [
        .optional("name", "The VLAN's name."), .optional("description", "A description."), .optional("vid", "The tag, 0 to 4094.", kind: "Integer"),
        .optional("mtu", "The MTU, 552 to 65535.", kind: "Integer"), .optional("space", "The space's name or id; empty for none."),
        .optional("dhcp_on", "Whether Gantry serves DHCP.", kind: "Boolean"), .optional("primary_rack", "A rack's system id."),
        .optional("secondary_rack", "A rack's system id."), .optional("relay_vlan", "The VLAN that answers for this one.", kind: "Integer"),
    ]

    private static let one = [
        Action("GET", "Retrieve a VLAN") { call in
            .json(
                try await call.store.read { transaction in
                    try await call.renderer(in: transaction).vlan(try await Self.vlan(call, in: transaction))
                }
            )
        },
        Action("PUT", "Update a VLAN", parameters: Self.parameters, access: .administrator) { call in
            let object = try await call.store.transaction { transaction in
                var vlan = try await Self.vlan(call, in: transaction)
                try await Self.apply(call, to: &vlan, in: transaction)
                try await transaction.update(vlan)
                return try await call.renderer(in: transaction).vlan(vlan)
            }
            return .json(object)
        },
        Action("DELETE", "Delete a VLAN", access: .administrator) { call in
            try await call.store.transaction { transaction in
                try await transaction.deleteVLAN(try await Self.vlan(call, in: transaction).id)
            }
            return .noContent
        },
    ]

    static let resources = [
        Resource(
            name: "Vlans", path: "fabrics/{fabric_id}/vlans/", text: "Manage VLANs on a fabric.",
            actions: [
                Action("GET", "List VLANs") { call in
                    let objects = try await call.store.read { transaction in
                        let fabric = try await FabricHandlers.fabric(call, key: "fabric_id", in: transaction)
                        let renderer = try await call.renderer(in: transaction)
                        return try await transaction.vlans(fabricID: fabric.id).map(renderer.vlan)
                    }
                    return .json(.array(objects))
                },
                Action(
                    "POST", "Create a VLAN",
                    parameters: [.required("vid", "The tag, 0 to 4094.", kind: "Integer")] + Self.parameters.filter { $0.name != "vid" },
                    access: .administrator
                ) { call in
                    guard let vid = try call.integer("vid", in: 0...4094) else { throw APIFailure.required("vid") }
                    let object = try await call.store.transaction { transaction in
                        let fabric = try await FabricHandlers.fabric(call, key: "fabric_id", in: transaction)
                        var vlan = VLAN(
                            id: 0, vid: vid, name: vid == 0 ? "untagged" : "\(vid)", description: "", fabricID: fabric.id, mtu: 1500, dhcpOn: false,
                            primaryRack: nil, secondaryRack: nil, relayVLANID: nil, space: nil
                        )
                        try await Self.apply(call, to: &vlan, in: transaction)
                        let stored = try await transaction.insert(vlan)
                        return try await call.renderer(in: transaction).vlan(stored)
                    }
                    return .json(object)
                },
            ]
        ),
        Resource(
            name: "Vlan", path: "fabrics/{fabric_id}/vlans/{vid}/", text: "Manage a VLAN on a fabric.", actions: Self.one, aliases: ["vlans/{id}/"]),
    ]

    /// By its own id, or by fabric and tag.
    private static func vlan(_ call: APICall, in transaction: StoreTransaction) async throws -> VLAN {
        if call.path["id"] != nil {
            let id = try call.pathNumber("id", "VLAN")
            guard let vlan = try await transaction.vlan(id: id) else { throw APIFailure.notFound("There is no VLAN \(id).") }
            return vlan
        }
        let fabric = try await FabricHandlers.fabric(call, key: "fabric_id", in: transaction)
        let vid = call.path["vid"] == "untagged" ? 0 : try call.pathNumber("vid", "VLAN")
        guard let vlan = try await transaction.vlan(fabricID: fabric.id, vid: vid) else {
            throw APIFailure.notFound("The fabric \(fabric.name) has no VLAN with the tag \(vid).")
        }
        return vlan
    }

    private static func apply(_ call: APICall, to vlan: inout VLAN, in transaction: StoreTransaction) async throws {
        let form = call.form
        if let name = form.text("name") { vlan.name = try Names.checked(name, field: "name") }
        if let text = form.rawText("description") { vlan.description = text }
        if let vid = try call.integer("vid", in: 0...4094) { vlan.vid = vid }
        if let mtu = try call.integer("mtu", in: 552...65535) { vlan.mtu = mtu }
        if let isOn = try call.boolean("dhcp_on") { vlan.dhcpOn = isOn }
        if form.contains("space") { vlan.space = try await Self.space(form.text("space"), in: transaction) }
        if form.contains("primary_rack") { vlan.primaryRack = try Self.rack(form.text("primary_rack"), field: "primary_rack") }
        if form.contains("secondary_rack") { vlan.secondaryRack = try Self.rack(form.text("secondary_rack"), field: "secondary_rack") }
        if form.contains("relay_vlan") {
            vlan.relayVLANID = try call.integer("relay_vlan")
            if let relay = vlan.relayVLANID, try await transaction.vlan(id: relay) == nil {
                throw APIFailure.field("relay_vlan", "There is no VLAN \(relay).")
            }
        }
        // fabric_id moves a VLAN to another fabric
        if let fabric = form.text("fabric") {
            do {
                vlan.fabricID = try await FabricHandlers.fabric(fabric, in: transaction).id
            } catch is APIFailure {
                throw APIFailure.field("fabric", "There is no fabric '\(fabric.prefix(80))'.")
            }
        }
    }

    private static func space(_ text: String?, in transaction: StoreTransaction) async throws -> String? {
        guard let text, text != APIRenderer.undefinedSpace, text != "-1" else { return nil }
        if let space = try await transaction.space(named: text) { return space.name }
        if let id = Int(text), let space = try await transaction.space(id: id) { return space.name }
        throw APIFailure.field("space", "There is no space '\(text.prefix(80))'.")
    }

    private static func rack(_ text: String?, field: String) throws -> SystemID? {
        guard let text else { return nil }
        guard let id = SystemID(text) else { throw APIFailure.field(field, "'\(text.prefix(40))' is no rack controller's system id.") }
        return id
    }
}
