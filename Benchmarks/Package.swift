// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "gantry-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "gantry", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .executableTarget(
            name: "bench-load",
            cSettings: [.define("_GNU_SOURCE"), .unsafeFlags(["-O2", "-Wall", "-Wextra"])]
        ),
        .executableTarget(
            name: "bench-region",
            dependencies: [.product(name: "RegionLink", package: "gantry"), .product(name: "Logging", package: "swift-log")],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .strictMemorySafety(),
                .treatAllWarnings(as: .error),
            ]
        ),
    ]
)
