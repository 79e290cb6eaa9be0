# tappet_add_plugin(NAME SOURCES... [LIBRARIES lib...]): a plugin as a shared object without prefix, with hidden
# visibility; a missing symbol fails at build or at load, never at first use.
function(tappet_add_plugin name)
	cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
	add_library(${name} MODULE ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
	set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
		VISIBILITY_INLINES_HIDDEN ON)
	target_link_options(${name} PRIVATE -Wl,-z,now)
	# A sanitizer's runtime is in the program that loads the plugin, so its symbols are missing here by design.
	if(NOT TAPPET_SANITIZE)
		target_link_options(${name} PRIVATE -Wl,--no-undefined)
	endif()
	if(TARGET tappet::sdk)
		target_link_libraries(${name} PRIVATE tappet::sdk ${arg_LIBRARIES})
	else()
		target_link_libraries(${name} PRIVATE tappet_sdk ${arg_LIBRARIES})
	endif()
endfunction()
