// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import Succession

extension ObservationText {
    /// What changed on a shared segment, for the events.
    static func observation(_ report: SuccessionReport, segment: SegmentConfiguration, rack: SystemID, now: Timestamp) -> RackObservation {
        let place = "segment \(segment.vlanID) at \(segment.serviceAddress)"
        let (type, text): (String, String) =
            switch report {
            case .tookOver(let takeover): ("Segment taken over", "\(rack) answers \(place): \(Self.reason(takeover)), term \(takeover.term)")
            case .yielded(let other, let term): ("Segment yielded", "\(rack) leaves \(place) to \(other), term \(term)")
            case .drained(let other): ("Segment handed over", "\(rack) has handed \(place) over to \(other)")
            case .wasFrozen(let gap): ("Rack was frozen", "\(rack) was not run for \(gap / .milliseconds(1)) ms. Next: give its host more CPU")
            case .fenced(let reason): ("Rack is fenced", "\(rack) may not answer \(place): \(reason.rawValue)")
            case .linkSuspected:
                ("Rack's link in doubt", "\(rack) hears nobody on \(place), though gossip says that all is well. Next: look at its cable and port")
            case .cannotDrain(let reason): ("Segment not handed over", "\(rack) answers \(place) on: \(reason.rawValue)")
            }
        return RackObservation(source: .lifecycle, macAddress: nil, address: nil, type: type, description: text, occurred: now)
    }

    private static func reason(_ takeover: Takeover) -> String {
        let from = takeover.from.map { "\($0)" } ?? "nobody"
        let milliseconds = Int((takeover.detection + takeover.claim) / .milliseconds(1))
        return switch takeover.reason {
        case .vacant: "nobody did for \(milliseconds) ms"
        case .handover: "\(from) handed it over"
        case .died, .silent, .split, .stuck, .deaf: "\(from) \(takeover.reason.rawValue), last heard \(milliseconds) ms before"
        }
    }
}
