// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import ArgumentParser
import JSON

struct Login: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep the address of a cloud and the key to it.",
        discussion: "The key is checked, and kept in ~/.config/gantry/profile.json, readable for you alone."
    )

    @Argument(help: "The address, such as http://127.0.0.1:5240/MAAS.")
    var url: String

    @Argument(help: "The API key, consumer:token:secret; '-' reads it from standard input.")
    var key: String

    func run() async throws {
        let key = self.key == "-" ? readLine() ?? "" : self.key
        let profile = try Profile(url: self.url, key: key)
        let user = try await GantryClient(profile: profile).get("users/", [("op", "whoami")])
        try profile.save()
        print("logged in to \(profile.url) as \(user["username"]?.stringValue ?? "?"). Next: gantry machines list")
    }
}
