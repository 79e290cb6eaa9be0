# Installs the packages of .ci/packages that are missing: packages_install SECTION... Sourced by shell scripts; needs the
# variable ROOT (the repository).

packages_of() {
	local wanted=" $* " line section=
	while read -r line; do
		case $line in
		'' | '#'*) ;;
		'['*) section=${line//[\[\]]/} ;;
		*) [[ $wanted == *" $section "* ]] && echo "$line" ;;
		esac
	done <"$ROOT/.ci/packages"
	return 0
}

# Another nodejs than Debian's may have brought npm with it, and would have to go for Debian's.
package_is_there() {
	[[ $1 == npm ]] && command -v npm >/dev/null && return
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

packages_install() {
	local package missing=() as_root=()
	if ! command -v dpkg-query >/dev/null; then
		echo "This is not Debian: the packages of .ci/packages ($*) have to be there already." >&2
		return 0
	fi
	for package in $(packages_of "$@" | sort -u); do
		package_is_there "$package" || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	echo "Installing: ${missing[*]}" >&2
	if ((EUID != 0)); then
		command -v sudo >/dev/null || { echo "Neither root nor sudo: install them by hand." >&2; return 1; }
		as_root=(sudo)
	fi
	"${as_root[@]}" apt-get -qq update >&2 &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
}
