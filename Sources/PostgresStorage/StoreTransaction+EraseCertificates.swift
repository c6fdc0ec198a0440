// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON
import Postgres

extension StoreTransaction {
    private func eraseCertificates(where condition: PostgresQuery) async throws -> [EraseCertificate] {
        let rows = try await self.rows(
            """
            SELECT id, machine_id, generation, disk, serial, model, size_bytes, method, verified_bytes, verified, duration_seconds, \
            created FROM erase_certificate\(condition)
            """
        )
        return try rows.map {
            EraseCertificate(
                id: try $0["id"], machineID: try $0["machine_id"], generation: try $0["generation"], disk: try $0["disk"],
                serial: try $0["serial"], model: try $0["model"], sizeBytes: try $0["size_bytes"], method: try $0["method"],
                verifiedBytes: try $0["verified_bytes"], verified: try $0["verified"],
                durationSeconds: try $0["duration_seconds"], created: try $0["created"]
            )
        }
    }

    /// Keeps the proof that a disk was erased, for good.
    ///
    /// - Parameter report: an object with what else the agent says: the standard's term, how it was verified, what was tried before.
    @discardableResult public func insert(_ certificate: EraseCertificate, report: JSONValue = [:]) async throws -> EraseCertificate {
        var certificate = certificate
        certificate.id = try await self.onlyRow(
            """
            INSERT INTO erase_certificate (machine_id, generation, disk, serial, model, size_bytes, method, verified_bytes, verified, \
            duration_seconds, created, report) VALUES (\(certificate.machineID), \(certificate.generation), \(storable(certificate.disk)), \
            \(storable(certificate.serial)), \(storable(certificate.model)), \(certificate.sizeBytes), \
            \(storable(certificate.method)), \(certificate.verifiedBytes), \(certificate.verified), \
            \(certificate.durationSeconds), \(certificate.created), \(PostgresJSON(report.text))) RETURNING id
            """
        )["id"]
        return certificate
    }

    /// The certificates of a machine's disks, newest first; also when the machine is gone.
    public func eraseCertificates(of machine: SystemID) async throws -> [EraseCertificate] {
        try await self.eraseCertificates(where: " WHERE machine_id = \(machine) ORDER BY id DESC")
    }

    /// What the agent said besides, by the certificates' ids.
    public func eraseReports(of machine: SystemID) async throws -> [Int: JSONValue] {
        var reports: [Int: JSONValue] = [:]
        for row in try await self.rows("SELECT id, report FROM erase_certificate WHERE machine_id = \(machine)") {
            reports[try row["id"]] = try readJSON(try row["report"], column: "report")
        }
        return reports
    }

    /// The certificate with this id.
    public func eraseCertificate(id: Int) async throws -> EraseCertificate? {
        try await self.eraseCertificates(where: " WHERE id = \(id)").first
    }
}
