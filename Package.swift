// swift-tools-version: 6.2
import PackageDescription

/// The house rules, for every target of ours: see docs/style.md.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let systemLibraries: [Target] = [
    .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CFreeIPMI", pkgConfig: "libfreeipmi", providers: [.apt(["libfreeipmi-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "CSys"),
]

let values: [Target] = [
    module("JSON"),
    module("Domain", ["JSON"]),
]

let codecs: [Target] = [
    module("DHCP", ["Domain"]),
    module("DHCPv6", ["Domain"]),
    module("NeighborDiscovery", ["Domain"]),
    module("TFTP"),
    module("HTTPForms", ["JSON"]),
]

let cores: [Target] = [
    module("Lifecycle", ["Domain"]),
    module("Placement", ["Domain"]),
    module("Leasing", ["Domain"]),
    module("Succession", ["Domain", "Leasing"]),
    module("Membership", ["Domain", "Leasing"]),
    module("LeasingV6", ["Domain", "Leasing"]),
    module("Transfers", ["TFTP"]),
    module("BootConfiguration", ["Domain"]),
    module("Installation", ["Domain", "JSON"]),
    module("Inventory", ["Domain", "JSON"]),
]

let contracts: [Target] = [
    module("ClusterMessages", ["Domain", "JSON", "Leasing"]),
    module("APIModel", ["Domain", "Installation", "JSON"]),
]

/// The agent and the scripts that run on machines, as bytes in the program.
let ephemeral: [Target] = [
    .target(
        name: "Ephemeral",
        resources: [
            .embedInCode("agent/gantry_agent.py"),
            .embedInCode("scripts/machine-resources"), .embedInCode("scripts/bmc-config"),
            .embedInCode("scripts/commissioning"), .embedInCode("scripts/maas-kernel-cmdline"), .embedInCode("scripts/maas-lshw"),
            .embedInCode("scripts/maas-serial-ports"), .embedInCode("scripts/maas-support-info"),
        ],
        swiftSettings: strict
    ),
    .testTarget(
        name: "EphemeralTests", dependencies: ["Ephemeral", subprocess], exclude: ["support.py", "test_agent.py", "test_disks.py"],
        swiftSettings: strict
    ),
]

let shells: [Target] = [
    module("OpenSSL", ["COpenSSL", nioCore]),
    module("Postgres", ["CLibPQ", "CSys", logging]),
    module("PostgresStorage", ["Domain", "JSON", "Leasing", "OpenSSL", "Postgres", logging]),
    module("HTTPClient", ["CCurl"]),
    module("GantryConfiguration", ["CYAML"]),
    module("Images", ["Domain", "JSON", "HTTPClient", "OpenSSL", logging, subprocess]),
    module("ClusterLink", ["ClusterMessages", "Domain", "JSON", "OpenSSL", nioCore, nioPosix, logging]),
    module("BMC", ["Domain", "CFreeIPMI", logging]),
    module(
        "RegionAPI",
        [
            "APIModel", "Domain", "Ephemeral", "HTTPForms", "Installation", "Inventory", "JSON", "Lifecycle", "OpenSSL", "Placement",
            "PostgresStorage", hummingbird, nioCore, nioPosix, logging, lifecycle,
        ]
    ),
    module(
        "Region",
        [
            "ClusterLink", "ClusterMessages", "Domain", "GantryConfiguration", "HTTPClient", "Images", "JSON", "Leasing", "Lifecycle", "OpenSSL",
            "Placement", "PostgresStorage", "Postgres", "RegionAPI", "Succession", logging, lifecycle, signals,
        ]
    ),
    module(
        "Rack",
        [
            "BMC", "BootConfiguration", "CSys", "ClusterLink", "ClusterMessages", "DHCP", "DHCPv6", "Domain", "GantryConfiguration", "HTTPClient",
            "Images", "JSON", "Leasing", "LeasingV6", "NeighborDiscovery", "OpenSSL", "Succession", "TFTP", "Transfers", nioCore,
            nioPosix, nioHTTP1, logging, lifecycle, signals,
        ]
    ),
    module("APIClient", ["APIModel", "Domain", "HTTPClient", "JSON"]),
    module("Lab", ["Domain", subprocess, logging]),
    module("OneMachine", ["APIClient", "Domain", "JSON", "Lab", "OpenSSL", subprocess, logging]),
]

let programs: [Target] = [
    program("regiond", ["Region", arguments, logging, lifecycle]),
    program("rackd", ["Rack", arguments, logging, lifecycle]),
    program("gantry", ["APIClient", "Domain", "HTTPClient", "JSON", "Lab", "OneMachine", arguments, logging]),
]

let testTargets: [Target] = [
    .target(name: "TestSupport", dependencies: [subprocess], path: "Tests/TestSupport", swiftSettings: strict),
    tests("DomainTests", ["Domain", "JSON"]),
    tests("DHCPTests", ["DHCP", "Domain"]),
    tests("DHCPv6Tests", ["DHCPv6", "Domain", "NeighborDiscovery"]),
    tests("TFTPTests", ["TFTP", "Transfers"]),
    tests("HTTPFormsTests", ["HTTPForms"]),
    tests("LifecycleTests", ["Lifecycle", "Domain"]),
    tests("PlacementTests", ["Placement", "Domain"]),
    tests("LeasingTests", ["Leasing", "Domain"]),
    tests("SuccessionTests", ["Succession", "Leasing", "Domain"]),
    tests("MembershipTests", ["Membership", "Leasing", "Domain"]),
    tests("LeasingV6Tests", ["LeasingV6", "Leasing", "Domain"]),
    tests("BootConfigurationTests", ["BootConfiguration", "Domain"]),
    tests("InstallationTests", ["Installation", "Inventory", "Domain", "JSON"]),
    tests("OpenSSLTests", ["OpenSSL", nioCore, nioPosix, subprocess]),
    tests("PostgresTests", ["Postgres", "TestSupport", logging]),
    tests("PostgresStorageTests", ["PostgresStorage", "Postgres", "OpenSSL", "Domain", "JSON", "TestSupport", logging]),
    .testTarget(
        name: "ImagesTests", dependencies: ["Images", "Domain", "HTTPClient", logging, subprocess], exclude: ["support.py"], swiftSettings: strict
    ),
    tests("GantryConfigurationTests", ["GantryConfiguration"]),
    tests("ClusterLinkTests", ["ClusterLink", "ClusterMessages", "Domain", "Leasing", "OpenSSL", nioCore, nioPosix, logging]),
    tests("BMCTests", ["BMC", "Domain", "TestSupport", logging]),
    .testTarget(
        name: "RackTests",
        dependencies: [
            "Rack", "BootConfiguration", "CSys", "DHCP", "DHCPv6", "Domain", "HTTPClient", "Images", "JSON", "Lab", "Leasing", "LeasingV6",
            "NeighborDiscovery", "OpenSSL", "TFTP", "TestSupport", "Transfers", nioCore, nioPosix, nioHTTP1, logging, lifecycle, subprocess,
        ], exclude: ["Firmware/arm64.packages"], swiftSettings: strict),
    tests(
        "RegionAPITests",
        [
            "APIModel", "Domain", "HTTPClient", "HTTPForms", "JSON", "Lifecycle", "OpenSSL", "Postgres", "PostgresStorage", "RegionAPI",
            "TestSupport", logging, lifecycle, subprocess,
        ]
    ),
    tests(
        "RegionTests",
        [
            "ClusterLink", "ClusterMessages", "Domain", "Leasing", "Lifecycle", "OpenSSL", "Postgres", "PostgresStorage", "Region", "TestSupport",
            logging,
        ]),
    tests("LabTests", ["Lab", "Domain", "TestSupport", logging, subprocess]),
    tests("FirstLightTests", ["APIClient", "Domain", "JSON", "Lab", "OneMachine", "TestSupport", logging, subprocess]),
    tests("TidyTests", []),
]

let package = Package(
    name: "gantry",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "regiond", targets: ["regiond"]),
        .executable(name: "rackd", targets: ["rackd"]),
        .executable(name: "gantry", targets: ["gantry"]),
        // For the nested package in Benchmarks/ only: the region's end of a cluster link.
        .library(name: "RegionLink", targets: ["ClusterLink", "ClusterMessages", "Domain", "Leasing", "OpenSSL"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
    ],
    targets: systemLibraries + values + codecs + cores + contracts + ephemeral + shells + programs + testTargets
)
