// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Ephemeral
internal import HTTPForms
internal import JSON

/// `scripts/`: the built-in ones, for reading.
enum ScriptHandlers {
    private static let types = [0: "Commissioning script", 2: "Testing script", 3: "Release script", 4: "Deployment script"]
    private static let hardware = [0: "Node", 1: "CPU", 2: "Memory", 3: "Storage", 4: "Network", 5: "GPU"]
    private static let parallels = [0: "Disabled", 1: "Run along other instances of this script", 2: "Run along any other script"]

    static let resources = [
        Resource(
            name: "NodeScripts", path: "scripts/", text: "Manage custom scripts.",
            actions: [
                Action(
                    "GET", "List stored scripts",
                    parameters: [
                        .optional("type", "commissioning, testing or release."), .optional("hardware_type", "Kind of hardware."),
                        .optional("include_script", "Add the text, in base64.", kind: "Boolean"), .optional("filters", "Names."),
                    ]
                ) { call in
                    let withText = try call.boolean("include_script") ?? false
                    let type = call.form.text("type")?.lowercased()
                    let names = call.form.list("filters")
                    let scripts = EphemeralAgent.commissioningScripts.enumerated().filter { _, script in
                        (names.isEmpty || names.contains(script.name))
                            && (type == nil || type == String(script.scriptType)
                                || Self.types[script.scriptType]?.lowercased().hasPrefix(type ?? "") == true)
                    }
                    return .json(.array(scripts.map { Self.rendered($1, id: $0 + 1, withText: withText) }))
                }
            ]
        ),
        Resource(
            name: "NodeScript", path: "scripts/{name}", text: "Manage or view a custom script.",
            actions: [
                Action("GET", "Return script metadata", parameters: [.optional("include_script", "Add the text, in base64.", kind: "Boolean")]) {
                    call in
                    let (id, script) = try Self.script(call)
                    return .json(Self.rendered(script, id: id, withText: try call.boolean("include_script") ?? false))
                },
                Action("GET", op: "download", "Download a script", parameters: [.optional("revision", "The revision.", kind: "Integer")]) { call in
                    .bytes(try Self.script(call).1.content, contentType: "text/plain; charset=utf-8")
                },
            ]
        ),
    ]

    private static func script(_ call: APICall) throws -> (Int, BuiltinScript) {
        let text = call.path["name"] ?? ""
        let scripts = EphemeralAgent.commissioningScripts
        guard let index = scripts.indices.first(where: { scripts[$0].name == text || String($0 + 1) == text }) else {
            throw APIFailure.notFound("There is no script '\(text.prefix(80))'.")
        }
        return (index + 1, scripts[index])
    }

    private static func rendered(_ script: BuiltinScript, id: Int, withText: Bool) -> JSONValue {
        let seconds = script.timeoutSeconds
        let clock = "\(seconds / 3600):\(seconds % 3600 / 60 < 10 ? "0" : "")\(seconds % 3600 / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)"
        var object: JSONObject = [
            "id": .int(id), "name": .string(script.name), "title": .string(script.title), "description": .string(script.description), "tags": [],
            "type": .int(script.scriptType), "type_name": .string(Self.types[script.scriptType] ?? "Commissioning script"),
            "hardware_type": .int(script.hardwareType), "hardware_type_name": .string(Self.hardware[script.hardwareType] ?? "Node"),
            "parallel": .int(script.parallel), "parallel_name": .string(Self.parallels[script.parallel] ?? "Disabled"), "results": [:],
            "parameters": [:], "packages": [:], "timeout": .string(clock), "destructive": false, "default": true, "for_hardware": [],
            "may_reboot": false, "recommission": false, "apply_configured_networking": false,
            "history": [["id": .int(id), "comment": "built in", "created": ""]], "resource_uri": .string(APIPath.script(script.name)),
        ]
        if withText { object["script"] = .string(Base64.encode(script.content)) }
        return .object(object)
    }
}
