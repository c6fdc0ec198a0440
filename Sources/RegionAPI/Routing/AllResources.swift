// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Every resource of the API, in one table: requests are matched with it, and `describe/` is made from it.
enum AllResources {
    static let table: [Resource] =
        VersionHandlers.resources + UserHandlers.resources + AccountHandlers.resources + MachinesHandlers.resources + MachineHandlers.resources
        + NodeHandlers.resources + InterfaceHandlers.resources + BlockDeviceHandlers.resources + ResultHandlers.resources
        + ZoneHandlers.resources + PoolHandlers.resources + TagHandlers.resources + FabricHandlers.resources + VLANHandlers.resources
        + SpaceHandlers.resources + SubnetHandlers.resources + IPRangeHandlers.resources + DomainHandlers.resources + EventHandlers.resources
        + BootResourceHandlers.resources + BootSourceHandlers.resources + ControllerHandlers.resources + SegmentHandlers.resources
        + ScriptHandlers.resources + SettingHandlers.resources + EmptyHandlers.resources
}
