// swift-tools-version: 6.1
import PackageDescription

// Tests that start programs and read what they wrote: the compiler takes minutes to make them fast.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

// Loops in plain C, without instructions of x86-64: what other CPUs run, for tests on this one.
let portable: [CSetting] =
    Context.environment["ADALORA_PORTABLE_KERNELS"] == nil ? [] : [.define("ADALORA_PORTABLE_KERNELS")]

let package = Package(
    name: "swift-adalora",
    products: [
        .executable(name: "adalora", targets: ["adalora"]),
        .library(name: "AdaLoRA", targets: ["AdaLoRA"]),
    ],
    traits: [
        .trait(
            name: "MPI", description: "Training in several processes by Open MPI, also on several machines.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/google/swift-benchmark", from: "0.1.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CLAPACKE", providers: [.apt(["liblapacke-dev"])]),
        .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .plugin(name: "CommitFile", capability: .buildTool()),
        .target(name: "BuildFacts", plugins: ["CommitFile"]),
        .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        .target(name: "CVectorKernels", cSettings: [.define("_GNU_SOURCE")] + portable),
        .target(name: "Matrices", dependencies: ["COpenBLAS", "CLAPACKE", "COneDNN", "CVectorKernels"]),
        .target(name: "Autodiff", dependencies: ["Matrices", "CVectorKernels"]),
        .target(name: "CCharacterWidths", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "Messages", dependencies: ["CCharacterWidths"]),
        .target(name: "ModelFiles", dependencies: ["COpenSSL", "CZlib", "Messages"]),
        .target(name: "Tokenizers", dependencies: ["Messages", "ModelFiles"]),
        .target(
            name: "CImageCodecs",
            linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png16"), .linkedLibrary("webp")]),
        .target(
            name: "Images", dependencies: ["CImageCodecs", "CZlib", "Matrices", "Messages", "ModelFiles"]),
        .target(name: "Datasets", dependencies: ["Images", "Messages", "ModelFiles"]),
        .target(name: "ChatTemplates", dependencies: ["Messages", "ModelFiles"]),
        .target(name: "RankAllocation"),
        .target(name: "RunRecords", dependencies: ["Messages", "ModelFiles", "RankAllocation"]),
        .target(name: "Settings", dependencies: ["Messages"]),
        .target(
            name: "Transformers", dependencies: ["Matrices", "Autodiff", "Images", "Messages", "ModelFiles"]),
        .target(
            name: "Tasks",
            dependencies: [
                "Matrices", "Autodiff", "Images", "Messages", "ModelFiles", "Transformers", "Tokenizers",
                "Datasets",
                "ChatTemplates",
            ]),
        .target(
            name: "RunConfiguration",
            dependencies: [
                "Messages", "Settings", "Adapters", "Datasets", "Tasks", "Transformers",
                .product(name: "Yams", package: "Yams"),
            ]),
        .target(
            name: "Adapters",
            dependencies: [
                "Matrices", "Autodiff", "Messages", "ModelFiles", "Transformers", "RankAllocation",
                "Settings",
            ]),
        .target(
            name: "Training",
            dependencies: [
                "CVectorKernels", "Matrices", "Autodiff", "Messages", "ModelFiles", "Transformers", "Tasks",
                "RankAllocation",
                "Adapters",
            ]),
        .target(
            name: "AdapterTools",
            dependencies: [
                "Images", "Matrices", "Autodiff", "Messages", "ModelFiles", "Transformers", "Tokenizers",
                "Datasets",
                "Tasks",
                "RankAllocation", "RunRecords", "Adapters", "Training",
                .product(name: "Yams", package: "Yams"),
            ]),
        .target(
            name: "Runs",
            dependencies: [
                "Images", "Matrices", "Autodiff", "Messages", "ModelFiles", "Transformers", "Tokenizers",
                "Datasets",
                "Tasks",
                "RankAllocation", "Settings", "RunConfiguration", "RunRecords", "Adapters", "Training",
                "AdapterTools", "ChatTemplates",
            ]),
        .target(name: "Advice", dependencies: ["Messages"]),
        .target(
            name: "RankProbe",
            dependencies: [
                "Matrices", "Messages", "ModelFiles", "Transformers", "Datasets", "Tasks", "RankAllocation",
                "Settings", "RunConfiguration", "Adapters", "Training", "Runs", "Advice",
            ]),
        // The one target with a public surface. Its folder is not Sources/AdaLoRA, which some file systems take for adalora.
        .target(
            name: "AdaLoRA",
            dependencies: [
                "Matrices", "ModelFiles", "Transformers", "Datasets", "Tasks", "Settings",
                "RunConfiguration", "RunRecords", "AdapterTools", "Runs",
            ], path: "Sources/AdaLoRALibrary"),
        .target(
            name: "DataParallel",
            dependencies: [
                "Matrices", "Training", .target(name: "CMPI", condition: .when(traits: ["MPI"])),
            ]),
        .target(name: "Reports", dependencies: ["Messages", "ModelFiles", "RunRecords"]),
        .target(name: "Charts"),
        .target(
            name: "ReportPages",
            dependencies: [
                "Adapters", "Advice", "Charts", "Datasets", "Messages", "ModelFiles", "RankAllocation",
                "Reports", "RunConfiguration", "RunRecords", "Tasks",
            ],
            resources: [
                .embedInCode("Page/report.css"), .embedInCode("Page/report.js"), .embedInCode("Page/live.js"),
            ]),
        .target(
            name: "RunServer",
            dependencies: [
                "ReportPages", "ModelFiles", "RunRecords", .product(name: "FlyingFox", package: "FlyingFox"),
            ]),
        .target(
            name: "TensorBoard",
            dependencies: ["CZlib", "Charts", "ModelFiles", "RankAllocation", "Reports", "RunRecords"]),
        .target(
            name: "Experiments",
            dependencies: [
                "BuildFacts", "Adapters", "AdapterTools", "Charts", "DataParallel", "Datasets", "Images",
                "Matrices",
                "Messages",
                "ModelFiles",
                "RankAllocation", "Reports", "RunConfiguration", "RunRecords", "Runs", "Tasks", "Tokenizers",
                "Training", "Transformers",
                .product(name: "Yams", package: "Yams"),
            ]),
        .executableTarget(
            name: "adalora",
            dependencies: [
                "BuildFacts", "COpenSSL", "CZlib", "Matrices", "ModelFiles", "Tokenizers", "ChatTemplates",
                "Images", "Datasets", "Tasks", "Transformers",
                "Adapters", "AdapterTools", "Messages", "RankAllocation", "RunConfiguration", "RunRecords",
                "Runs",
                "Training", "DataParallel",
                "Reports", "Charts", "ReportPages", "Experiments", "TensorBoard", "RunServer", "Advice",
                "RankProbe",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "AllocationCost",
            dependencies: [
                "TrainingSteps", "Matrices", "Autodiff", "ModelFiles", "Tokenizers", "Datasets", "Tasks",
                "Transformers",
                "RankAllocation", "Adapters", "Training", "RunRecords", "Runs",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/AllocationCost"),
        .target(name: "CCallCounts", dependencies: ["COneDNN"], path: "Benchmarks/CCallCounts"),
        .target(
            name: "TrainingSteps",
            dependencies: [
                "Matrices", "ModelFiles", "Tasks", "Transformers", "RankAllocation", "Adapters",
                "Training",
            ], path: "Benchmarks/TrainingSteps"),
        .executableTarget(
            name: "StepCounts",
            dependencies: [
                "TrainingSteps", "CCallCounts", "Matrices", "ModelFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/StepCounts"),
        .executableTarget(
            name: "KernelTimes",
            dependencies: [
                "TrainingSteps", "CVectorKernels", "Matrices", "Autodiff", "RankAllocation", "Adapters",
                .product(name: "Benchmark", package: "swift-benchmark"),
            ], path: "Benchmarks/KernelTimes"),
        .executableTarget(
            name: "Scaling",
            dependencies: [
                "TrainingSteps", "CCallCounts", "Matrices", "ModelFiles", "Charts",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/Scaling"),
        .executableTarget(
            name: "PrecisionSteps",
            dependencies: [
                "TrainingSteps", "Matrices", "ModelFiles", "Tasks", "Training", "Transformers",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/PrecisionSteps"),
        .executableTarget(
            name: "PeerSteps",
            dependencies: [
                "TrainingSteps", "Images", "Matrices", "ModelFiles", "Tasks", "Transformers",
                "RankAllocation",
                "Adapters",
                "Training",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Benchmarks/PeerSteps"),
        .target(name: "GoldenFiles", dependencies: ["ModelFiles"], path: "Tests/GoldenFiles"),
        .target(
            name: "GoldenModels",
            dependencies: ["Autodiff", "GoldenFiles", "Images", "Matrices", "ModelFiles", "Transformers"],
            path: "Tests/GoldenModels"),
        .target(
            name: "FuzzEntries",
            dependencies: [
                "ChatTemplates",
                "Matrices", "ModelFiles", "Tokenizers", "Images", "Datasets", "Transformers", "Adapters",
                "Training",
                "Runs",
            ], path: "Tests/FuzzEntries"),
        .testTarget(
            name: "MatricesTests", dependencies: ["Matrices", "CVectorKernels", "ModelFiles", "GoldenFiles"]),
        .testTarget(
            name: "AutodiffTests", dependencies: ["Autodiff", "GoldenFiles", "Matrices", "ModelFiles"]),
        .testTarget(name: "MessagesTests", dependencies: ["Messages"]),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles", "GoldenFiles"]),
        .testTarget(name: "TokenizersTests", dependencies: ["Tokenizers", "ModelFiles"]),
        .testTarget(
            name: "ImagesTests", dependencies: ["CZlib", "Images", "GoldenFiles", "Matrices", "ModelFiles"]),
        .testTarget(
            name: "DatasetsTests", dependencies: ["Datasets", "GoldenFiles", "Images", "ModelFiles"]),
        .testTarget(
            name: "ChatTemplatesTests", dependencies: ["ChatTemplates", "ModelFiles", "GoldenFiles"]),
        .testTarget(name: "RankAllocationTests", dependencies: ["RankAllocation"]),
        .testTarget(
            name: "RunConfigurationTests",
            dependencies: [
                "RunConfiguration", "Adapters", "Datasets", "RankAllocation", "Tasks", "Transformers",
            ]),
        .testTarget(
            name: "TasksTests",
            dependencies: [
                "Tasks", "Autodiff", "Datasets", "Matrices", "ModelFiles", "Tokenizers", "Transformers",
                "GoldenFiles", "GoldenModels",
            ]),
        .testTarget(
            name: "TransformersTests",
            dependencies: [
                "Transformers", "Autodiff", "Images", "Matrices", "ModelFiles", "GoldenFiles",
                "GoldenModels",
            ]),
        .testTarget(
            name: "AdaptersTests",
            dependencies: [
                "Adapters", "Transformers", "Autodiff", "Matrices", "ModelFiles", "GoldenFiles",
                "GoldenModels",
            ]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Adapters", "Tasks", "Transformers", "Autodiff", "Images", "Matrices",
                "ModelFiles", "Datasets", "RankAllocation", "GoldenFiles", "GoldenModels",
            ]),
        .testTarget(
            name: "AdapterToolsTests",
            dependencies: [
                "AdapterTools", "Adapters", "Autodiff", "Matrices", "ModelFiles", "Transformers",
                "GoldenFiles", "GoldenModels",
            ]),
        .testTarget(
            name: "AdviceTests",
            dependencies: ["Advice", "RankProbe", "Matrices", "ModelFiles", "Transformers", "GoldenFiles"]),
        .testTarget(
            name: "RunsTests",
            dependencies: [
                "Runs", "Matrices", "ModelFiles", "RunConfiguration", "Adapters", "RankAllocation",
                "Training",
                "Transformers",
            ]),
        .target(name: "RunFolders", dependencies: ["RunRecords"], path: "Tests/RunFolders"),
        .testTarget(name: "RunRecordsTests", dependencies: ["Reports", "RunRecords", "RunFolders"]),
        .testTarget(
            name: "ReportsTests", dependencies: ["ModelFiles", "Reports", "RunRecords", "RunFolders"]),
        .testTarget(
            name: "TensorBoardTests",
            dependencies: ["CZlib", "Charts", "RunFolders", "RunRecords", "TensorBoard"]),
        .target(name: "MarkupReading", path: "Tests/MarkupReading"),
        .testTarget(name: "ChartsTests", dependencies: ["Charts", "MarkupReading"]),
        .testTarget(
            name: "ReportPagesTests",
            dependencies: [
                "ReportPages", "Charts", "ModelFiles", "MarkupReading", "Reports", "RunFolders", "RunRecords",
            ], swiftSettings: unoptimized),
        .testTarget(
            name: "ExperimentsTests",
            dependencies: [
                "Datasets", "Experiments", "ModelFiles", "RunConfiguration", "RunFolders", "RunRecords",
                "Tasks",
            ],
            swiftSettings: unoptimized),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "adalora", "AdaLoRA", "GoldenFiles", "ModelFiles", "RunConfiguration", "TensorBoard",
                "Training",
            ],
            swiftSettings: unoptimized),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzEntries"], exclude: ["corpus"]),
    ],
    swiftLanguageModes: [.v6]
)

// Only scripts/fuzz.sh sets this: a program that libFuzzer starts, built in a folder of its own.
if Context.environment["ADALORA_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: ["FuzzEntries"], path: "scripts/fuzz",
            exclude: ["seeds.py", "tokens.dict"]))
}
