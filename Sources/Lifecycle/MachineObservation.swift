// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What was seen of a machine.
public enum MachineObservation: Sendable, Hashable {
    /// Its software spoke to the metadata service.
    case contact
    /// It asked over the network what to boot.
    case bootRequested(purpose: BootPurpose)
    /// Scripts began to run.
    case scriptsStarted(kind: ScriptResultSet.Kind)
    /// The scripts have ended: the names of those that failed, and the agent's own words when it gave up.
    case scriptsFinished(kind: ScriptResultSet.Kind, failed: [String], error: String)
    case inventory(MachineInventory)
    /// The installation is written; the next boot is from disk.
    case netbootOff
    /// The installed system asked for its user data: it runs.
    case userDataFetched
    /// A step of an install or erase plan.
    case installationStep(name: String, description: String, result: StepResult)
    /// The agent gave up.
    case workFailed(message: String)
    /// Disks are erased, but for those named.
    case eraseFinished(failed: [String])
    case power(PowerState)
    /// The BMC could not be made to do what it was told. A transient failure is tried again.
    case powerFailed(message: String, transient: Bool)
    /// The phase's deadline has passed.
    case expired

    public enum StepResult: Sendable, Hashable {
        case started
        case succeeded
        case failed(output: String)
    }
}
