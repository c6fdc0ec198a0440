// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The absolute paths of objects, as `resource_uri` names them: clients follow them.
public enum APIPath {
    public static let root = "/MAAS/api/2.0/"

    public static func machine(_ id: SystemID) -> String { "\(self.root)machines/\(id)/" }
    public static func interface(_ id: Int, of machine: SystemID) -> String { "\(self.root)nodes/\(machine)/interfaces/\(id)/" }
    public static func blockDevice(_ id: Int, of machine: SystemID) -> String { "\(self.root)nodes/\(machine)/blockdevices/\(id)/" }
    public static func volumeGroup(_ id: Int, of machine: SystemID) -> String { "\(self.root)nodes/\(machine)/volume-group/\(id)/" }
    public static func results(_ id: Int, of machine: SystemID) -> String { "\(self.root)nodes/\(machine)/results/\(id)/" }
    public static func zone(_ name: String) -> String { "\(self.root)zones/\(self.segment(name))/" }
    public static func pool(_ id: Int) -> String { "\(self.root)resourcepool/\(id)/" }
    public static func tag(_ name: String) -> String { "\(self.root)tags/\(self.segment(name))/" }
    public static func user(_ name: String) -> String { "\(self.root)users/\(self.segment(name))/" }
    public static func fabric(_ id: Int) -> String { "\(self.root)fabrics/\(id)/" }
    public static func vlan(_ id: Int) -> String { "\(self.root)vlans/\(id)/" }
    public static func subnet(_ id: Int) -> String { "\(self.root)subnets/\(id)/" }
    public static func space(_ id: Int) -> String { "\(self.root)spaces/\(id)/" }
    public static func ipRange(_ id: Int) -> String { "\(self.root)ipranges/\(id)/" }
    public static func sshKey(_ id: Int) -> String { "\(self.root)account/prefs/sshkeys/\(id)/" }
    public static func bootResource(_ id: Int) -> String { "\(self.root)boot-resources/\(id)/" }
    public static func bootSource(_ id: Int) -> String { "\(self.root)boot-sources/\(id)/" }
    public static func script(_ name: String) -> String { "\(self.root)scripts/\(self.segment(name))" }
    public static func rack(_ id: SystemID) -> String { "\(self.root)rackcontrollers/\(id)/" }
    public static func region(_ id: SystemID) -> String { "\(self.root)regioncontrollers/\(id)/" }
    public static let domain = "\(root)domains/0/"

    /// A name as one segment of a path, percent-encoded but for the characters that RFC 3986 leaves free.
    static func segment(_ name: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"), UInt8(ascii: "@"):
                output.append(byte)
            default: output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
