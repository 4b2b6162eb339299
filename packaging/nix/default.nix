# SPDX-License-Identifier: GPL-2.0
# boot.extraModulePackages = [ (config.boot.kernelPackages.callPackage ./packaging/nix { }) ];
{ lib, stdenv, kernel, xen }:

stdenv.mkDerivation {
  pname = "xen-blkback";
  version = "0.9.0-${kernel.version}";

  src = lib.cleanSource ../..;

  nativeBuildInputs = kernel.moduleBuildDependencies;
  hardeningDisable = [ "pic" "format" ];

  makeFlags = kernel.makeFlags ++ [
    "-C ${kernel.dev}/lib/modules/${kernel.modDirVersion}/build"
    "M=$(PWD)"
    "XEN_HEADERS=${lib.getDev xen}/include"
  ];
  buildFlags = [ "modules" ];

  installPhase = ''
    install -D -m 644 xen-blkback.ko \
      $out/lib/modules/${kernel.modDirVersion}/updates/xen-blkback.ko
  '';

  meta = {
    description = "Xen block backend driver";
    license = lib.licenses.gpl2Only;
    platforms = [ "x86_64-linux" ];
  };
}
