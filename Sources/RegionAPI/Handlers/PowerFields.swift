// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import JSON

/// Power parameters in a form: one JSON object, or a field for each.
enum PowerFields {
    private static let maximumParameters = 64

    /// - Parameter current: what the machine has; parameters that are not given stay as they are while the type stays.
    /// - Returns: nil when the form says nothing of power.
    static func read(_ form: Form, current: PowerConfiguration?) throws -> PowerConfiguration? {
        var given = form.texts(withPrefix: "power_parameters_")
        given["skip_check"] = nil
        if let text = form.text("power_parameters") {
            guard let object = (try? JSONValue(parsing: text))?.objectValue else {
                throw APIFailure.field("power_parameters", "Expected a JSON object such as {\"power_address\": \"10.0.0.2\"}.")
            }
            for (key, value) in object.members where given[key] == nil { given[key] = value.stringValue ?? (value.isNull ? "" : value.text) }
        }
        guard given.count <= Self.maximumParameters else {
            throw APIFailure.field("power_parameters", "Expected at most \(Self.maximumParameters) parameters.")
        }
        let typeText = form.text("power_type")
        guard typeText != nil || !given.isEmpty else { return nil }
        let type: PowerType
        if let typeText {
            guard let known = PowerType(rawValue: typeText) else {
                let choices = PowerType.allCases.map(\.rawValue).joined(separator: ", ")
                throw APIFailure.field("power_type", "Select a valid choice. \(typeText.prefix(40)) is not one of the available choices: \(choices).")
            }
            type = known
        } else {
            type = current?.type ?? .manual
        }
        var parameters = current?.type == type ? current?.parameters ?? [:] : [:]
        for (key, value) in given { parameters[key] = value }
        let isChecked = !(form.boolean("power_parameters_skip_check") ?? false)
        if type == .ipmi, isChecked, (parameters["power_address"] ?? "").isEmpty {
            throw APIFailure.field("power_address", "The power type ipmi needs the power parameter power_address.")
        }
        return PowerConfiguration(type: type, parameters: parameters)
    }

    /// The parameters as an object.
    static func object(_ power: PowerConfiguration?) -> JSONValue {
        .object(JSONObject((power?.parameters ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
}
